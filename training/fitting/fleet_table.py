"""Samples of many models on the device that trains them: each table of inputs once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from growfolio.domain.bars import IntArray
from growfolio.domain.forecast import WINDOW
from growfolio.domain.labels import UNKNOWN
from torch import Tensor

from training.data.dataset import Samples


@dataclass(frozen=True, slots=True, eq=False)
class FleetTable:
    """All samples' features one after another (rows, features), their context (rows, context) likewise.

    Beside them each model's own labels (int8). features_at and answers_at (models,) say where a model's row 0
    is. A row that a model is not trained on has the answer UNKNOWN.
    """

    features: Tensor
    context: Tensor
    answers: Tensor
    features_at: Tensor
    answers_at: Tensor

    @classmethod
    def of(
        cls, samples: Sequence[Samples], train: Sequence[IntArray], mirrored: bool, device: torch.device
    ) -> "FleetTable":
        """train holds each model's training rows of its samples."""
        distinct = list({id(one): one for one in samples}.values())
        sizes = [2 * len(one.labels) for one in distinct]
        starts = dict(zip(map(id, distinct), np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))
        answers = [own.answers(rows, mirrored) for own, rows in zip(samples, train, strict=True)]
        return cls(
            torch.from_numpy(np.concatenate([one.both_markets for one in distinct])).to(device),
            torch.from_numpy(np.concatenate([one.both_contexts for one in distinct])).to(device),
            torch.from_numpy(np.concatenate(answers)).to(device),
            torch.tensor([starts[id(one)] for one in samples], device=device),
            torch.from_numpy(np.cumsum([0, *map(len, answers[:-1])])).to(device),
        )

    def windows(self, ends: Tensor, models: slice) -> Tensor:
        """Cut the raw windows (models, bars, batch, features) that end at these rows (models, batch)."""
        return self.features[_rows(ends.clamp_min(WINDOW - 1) + self.features_at[models, None], WINDOW)]

    def contexts(self, ends: Tensor, models: slice, answered: int) -> Tensor:
        """Pick the raw context (models, answered, batch, context) of the last bars of these windows."""
        return self.context[_rows(ends.clamp_min(WINDOW - 1) + self.features_at[models, None], answered)]

    def labels(self, ends: Tensor, models: slice, answered: int) -> Tensor:
        """Return the classes (models, answered, batch) of the last bars of these windows, or UNKNOWN.

        An end of -1 fills a batch up: its window is never answered.
        """
        rows = _rows(ends.clamp_min(WINDOW - 1) + self.answers_at[models, None], answered)
        return self.answers[rows].long().masked_fill((ends < 0)[:, None], UNKNOWN)

    def keep(self, rows: Sequence[int]) -> "FleetTable":
        """Return the samples of these models only, in this order."""
        picked = torch.tensor(rows, dtype=torch.int64, device=self.features.device)
        at = self.features_at[picked], self.answers_at[picked]
        return FleetTable(self.features, self.context, self.answers, *at)


def _rows(ends: Tensor, bars: int) -> Tensor:
    return ends[:, None, :] + torch.arange(1 - bars, 1, device=ends.device)[:, None]
