"""The model card: what the models are, their data, and their scores beside those of no model."""

from collections.abc import Sequence
from pathlib import Path

from growfolio.domain.forecast import WINDOW
from growfolio.domain.times import utc_text
from growfolio.record.resampling import BLOCK_DAYS

from training.data.dataset import Part
from training.data.splits import EMBARGO
from training.release.repository import PoolResult, picture
from training.settings import TrainSettings

CARD = "MODEL_CARD.md"

_CARD = """# Models of BUY / HOLD / SELL signals

Each model answers one question about a closed bar:
{question}
Input: the last {window} bars of {features} indicators ({sequence}), and {context}, all raw.
Output: calibrated probabilities of sell, hold and buy; normalisation, temperature and softmax are inside the
graph. Network: `{network}`. Made {created}.

## Data

{about}

Fitted on: {assets}. {left_out}

Each training sample is used twice, as it was and mirrored (each price p as 1 / p), so that no
trend of the training months is taken for a rule.{lineage} Validation and test see the market as it was.

## Split

By time, one calendar for all assets of a pool: the first {train:.0%} of the samples train, the next
{validation:.0%} validate (early stopping, temperature, choice between models), the last {test:.0%} test.
A sample is in a part only if its label is decided by the part's end, and parts lie {embargo} bars apart, so
that neither labels nor windows of two parts share a bar. Labels that would cross a stock's close are masked,
and so is all that touches a gap which serving would refuse. The test part was scored once, after all choices.

| pool | trained from | until | validated from | until | tested from | samples: train, validate, test |
|---|---|---|---|---|---|---|
{splits}

## Test

Accuracy says little by itself: *majority* is what always answering the most frequent class would reach.
*Prior* is the log-loss of always answering the class shares of the training part; *constant* that of the
best constant answer, known only afterwards. *Direction*: where the price did move more than the
threshold, how often the likelier side was the right one (0.5 is a coin).

| model | rows | accuracy | majority | MCC | macro-F1 | direction | log-loss | prior | constant |
|---|---|---|---|---|---|---|---|---|---|
{tests}

*Whether* is the log-loss of foreseeing that the price moves at all, beside the best constant's; *which way*
that of the side among the moves (0.6931 is a coin); *decided* the direction in the tenth of the rows whose
buy and sell lie furthest apart. In brackets stands what the same probabilities would give if they were right.

| model | whether | constant | which way | direction | decided |
|---|---|---|---|---|---|
{parts}

*ECE* is the calibration error, over all rows and within the slots of the hour, beside the range in which
90 % of models that are calibrated on the whole would lie on as many rows. Days hang together, so it is drawn
from blocks of whole days, of {block_days} where there are enough.

| model | ECE | band | ECE in slots | band |
|---|---|---|---|---|
{calibrations}

{pictures}

## Limits

- The inputs know prices and volumes{beyond}: no news, no order book.
- A next-bar move is mostly noise: compare direction and MCC with their chance values above. Costs and
  slippage are not counted. This is no investment advice.
- Markets change, and a model's probabilities with them go stale: the newest bar that any of these was
  fitted or selected on closed {newest}. {expiry}
- Bars inside a model's training range are marked `in_sample` in signals and count in no metric here.
"""


def model_card(results: Sequence[PoolResult], left_out: str, settings: TrainSettings, created_at: int) -> str:
    """Write Markdown with the numbers of manifest.json as tables."""
    assets = dict.fromkeys(asset.symbol for result in results for asset in result.samples.assets)
    newest = max(result.samples.split.validate_until for result in results)
    days = settings.expires_days
    return _CARD.format(
        window=WINDOW,
        features=len(settings.inputs.sequence),
        sequence=", ".join(settings.inputs.sequence),
        context=_context(settings.inputs.context),
        question=settings.label.question(),
        network=settings.fit.network,
        created=utc_text(created_at),
        beyond=", and the context that is named above" if settings.inputs.context else " of one asset",
        about=settings.about or "Origin and licence of the candles were not stated for this run.",
        assets=" ".join(assets),
        left_out=f"Left out: {left_out}." if left_out else "",
        lineage=_lineage(results),
        embargo=EMBARGO,
        train=settings.shares[0],
        validation=settings.shares[1],
        test=1 - sum(settings.shares),
        splits="\n".join(_split_row(result) for result in results),
        tests="\n".join(row for result in results for row in _test_rows(result)),
        parts="\n".join(row for result in results for row in _part_rows(result)),
        calibrations="\n".join(row for result in results for row in _calibration_rows(result)),
        block_days=BLOCK_DAYS,
        pictures="\n".join(
            f"![{own.models[0].id} on the test part]({picture(Path(), own.models[0].id)})" for own in results
        ),
        newest=utc_text(newest),
        expiry="They never expire."
        if days is None
        else f"They stop serving {days} days after they were made.",
    )


def _context(names: Sequence[str]) -> str:
    return f"of that bar's context {', '.join(names)}" if names else "no context of the bar"


def _lineage(results: Sequence[PoolResult]) -> str:
    """Name the parent pools of the pooled models."""
    lines = [
        f" {result.models[0].id} starts from the model of {before[0]}."
        for result in results
        if (before := result.went_on_from)
    ]
    return "".join(lines)


def _split_row(result: PoolResult) -> str:
    samples, split = result.samples, result.samples.split
    first = samples.seen_from(samples.rows(Part.TRAIN))
    times = (first, split.train_until, split.validate_from, split.validate_until, split.test_from)
    counts = ", ".join(f"{len(samples.rows(part)):,}" for part in Part)
    return _row(f"{samples.market} {samples.timeframe}", *(utc_text(time) for time in times), counts)


def _test_rows(result: PoolResult) -> list[str]:
    return [
        _row(
            model.id,
            f"{s.rows:,}",
            *(f"{n:.3f}" for n in (s.accuracy, s.base_rate, s.mcc, card.macro_f1, s.direction)),
            *(f"{n:.4f}" for n in (s.log_loss, s.prior_log_loss, s.best_constant_log_loss)),
        )
        for model, card in zip(result.models, result.test, strict=True)
        for s in [card.scores]
    ]


def _part_rows(result: PoolResult) -> list[str]:
    return [
        _row(
            model.id,
            f"{s.move_log_loss:.4f} ({s.move_expected:.4f})",
            f"{s.best_constant_move_log_loss:.4f}",
            f"{s.side_log_loss:.4f} ({s.side_expected:.4f})",
            f"{s.direction:.3f} ({s.direction_expected:.3f})",
            f"{s.direction_of_most_decided:.3f} ({s.direction_of_most_decided_expected:.3f})",
        )
        for model, card in zip(result.models, result.test, strict=True)
        for s in [card.scores]
    ]


def _calibration_rows(result: PoolResult) -> list[str]:
    return [
        _row(
            model.id,
            *(
                cell
                for found in (card.whole, card.in_slots)
                for low, high in [found.calibrated_90]
                for cell in (f"{found.error:.4f}", f"{low:.4f} to {high:.4f}")
            ),
        )
        for model, card in zip(result.models, result.test, strict=True)
    ]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
