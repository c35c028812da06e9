"""A whole evaluation: folds, baselines, leak checks and a backtest, in one report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

from growfolio.domain.assets import Timeframe
from growfolio.domain.times import DAY
from growfolio.errors import ConfigurationError
from growfolio.indicators.views import STANDARD

from training.data.dataset import Part, Samples, calendar
from training.evaluation.backtest import Equity, backtest
from training.evaluation.baselines import MOST_ROWS
from training.evaluation.comparison import LAST_PART, WALK_FORWARD, Answered, Comparison, compared
from training.evaluation.fold_scores import score_fold
from training.evaluation.leaks import Check, leak_checks
from training.evaluation.replayed import ReplayedCandles, TrainedModels
from training.evaluation.report import Report, write_report
from training.evaluation.walk_forward import Fold, folds_of
from training.fitting.ensemble import FittedModel, fit_models
from training.fitting.member import Member
from training.fitting.parent_pool import parent_pool
from training.fitting.progress import FittingProgress
from training.pools import coverage, gather, no_candles, read_candles
from training.progress import Say, counted
from training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """One run of `python -m training evaluate`. The defaults take under 40 minutes on 2 idle cores."""

    train: TrainSettings
    folds: int = 3
    """Before the last part, each with a model of its own."""
    most_rows: int = MOST_ROWS
    """That a baseline learns from."""
    tested_rows: int = 60_000
    """Of a fold's test about so many at most, of every slot of the hour alike (data/thinning.py)."""
    backtest_days: int = 10
    lineage: bool = True
    """Whether a fold's model goes on from another pool's, as published ones do (fitting/parent_pool.py)."""

    def quick(self) -> "EvaluationSettings":
        """One fold and the last part on 15m alone, for a few minutes."""
        fit = replace(self.train.fit, epochs=min(3, self.train.fit.epochs), stopping_rows=4000)
        train = replace(self.train, timeframes=(Timeframe.M15,), fit=fit)
        return replace(self, train=train, folds=1, most_rows=10_000, tested_rows=12_000, backtest_days=2)


@dataclass(frozen=True, slots=True)
class _Clock:
    """Seconds since the run began, said with every step."""

    clock: Callable[[], float]
    say: Say
    began: float = field(default=0.0)

    def __call__(self, line: str) -> None:
        self.say(f"[{self.clock() - self.began:5.0f} s] {line}")


def evaluate(
    settings: EvaluationSettings, out: Path, now: int, clock: Callable[[], float], say: Say
) -> Report:
    """Fit models, judge them on candles they have not seen, and write the report to out.

    now is when the report is said to be made, in seconds; clock counts seconds. Raises ConfigurationError
    where no candles can be used.
    """
    say_time = _Clock(clock, say, clock())
    pools, left_out = gather(settings.train, now, say_time)
    if not pools:
        raise no_candles(settings.train, left_out)
    say_time(coverage(settings.train))
    folds = _folds(pools, settings, say_time)
    judged = counted(len({id(fold.samples.labels) for fold in folds}), "pool")
    each = f"{counted(settings.folds, 'fold')} each and the last part"
    say_time(f"{counted(len(folds), 'model')} to fit: {judged}, {each}")
    members = [_member(fold, folds, settings) for fold in folds]
    progress = FittingProgress(
        {own.id: len(own.train) for own in members}, settings.train.fit, clock, say_time
    )
    fitted = fit_models(members, settings.train.fit, progress)
    reports, answered = [], []
    for fold, one in zip(folds, fitted, strict=True):
        report, answers = score_fold(
            fold, one, settings.train.fit.network, settings.most_rows, settings.tested_rows
        )
        reports.append(report)
        answered.append(answers)
        model, whole = reports[-1].table[0].scores, reports[-1].table[0].whole
        say_time(f"{reports[-1].pool} {fold.name}: MCC {model.mcc:+.3f}, ECE {whole.error:.3f}")
    last = [(fold, one) for fold, one in zip(folds, fitted, strict=True) if fold.last]
    checks = {_pool(fold.samples): _checks(fold, settings, now) for fold, _ in last}
    say_time("leak checks done")
    equity = tuple(_backtest(fold, one, settings, say_time) for fold, one in last)
    found = Report(now, _about(settings, pools), tuple(reports), _compared(folds, answered), checks, equity)
    say_time(f"{write_report(found, out)}")
    return found


def _pool(samples: Samples) -> str:
    return f"{samples.market} {samples.timeframe}"


def _about(settings: EvaluationSettings, pools: Sequence[Samples]) -> dict[str, object]:
    fit = settings.train.fit
    return {
        "network": fit.network,
        "indicators": _names(settings.train.inputs.sequence, STANDARD.sequence),
        "context": _names(settings.train.inputs.context),
        "label": settings.train.label.described(),
        "inversion": _yes_or_no(fit.inverted),
        "lineage": _yes_or_no(settings.lineage),
        "epochs at most": fit.epochs,
        "folds": settings.folds,
        "assets": " ".join(dict.fromkeys(asset.symbol for pool in pools for asset in pool.assets)),
    }


def _names(names: Sequence[str], usual: Sequence[str] = ()) -> str:
    """Return the names in one line; the usual ones are not spelt out."""
    if not names:
        return "none"
    return f"the usual {len(usual)}" if names == usual else " ".join(names)


def _yes_or_no(flag: bool) -> str:
    return "yes" if flag else "no"


def _name(fold: Fold) -> str:
    return f"{_pool(fold.samples)} {fold.name}"


def _folds(pools: Sequence[Samples], settings: EvaluationSettings, say: Say) -> list[Fold]:
    """Return the folds of each pool that has enough samples for all of them; say why others have none.

    Raises ConfigurationError where no pool has.
    """
    folds: list[Fold] = []
    reason = ""
    for samples in pools:
        own = folds_of(samples, settings.folds, calendar(samples, pools))
        small = [_name(fold) for fold in own if _too_small(fold, settings)]
        if small:
            reason = f"{small[0]}: too few samples to judge a model; give more candles or fewer folds"
            say(f"left out: {reason}")
        else:
            folds += own
    if not folds:
        raise ConfigurationError(reason)
    return folds


def _too_small(fold: Fold, settings: EvaluationSettings) -> bool:
    train, validation, test = (len(fold.rows(part)) for part in Part)
    least = settings.train.least_training, settings.train.least_validation
    return train < least[0] or min(validation, test) < least[1]


def _member(fold: Fold, folds: Sequence[Fold], settings: EvaluationSettings) -> Member:
    name = _name(fold)
    before = parent_pool(fold.samples, folds, lambda other: other.samples) if settings.lineage else None
    train, validation = fold.rows(Part.TRAIN), fold.rows(Part.VALIDATION)
    seed = settings.train.fit.seed + crc32(name.encode())
    return Member(name, fold.samples, train, validation, seed, follows=_name(before) if before else "")


def _compared(folds: Sequence[Fold], answered: Sequence[Answered]) -> tuple[Comparison, ...]:
    """Each pool's models against the others, over its folds and over the last part."""
    parts: dict[tuple[str, str], list[Answered]] = {}
    for fold, own in zip(folds, answered, strict=True):
        part = LAST_PART if fold.last else WALK_FORWARD
        parts.setdefault((_pool(fold.samples), part), []).append(own)
    return tuple(found for (pool, part), own in parts.items() for found in compared(pool, part, own))


def _checks(fold: Fold, settings: EvaluationSettings, now: int) -> list[Check]:
    bars, _ = read_candles(replace(settings.train, assets=fold.samples.assets), now)
    return leak_checks(fold, bars, settings.train.label)


def _backtest(fold: Fold, one: FittedModel, settings: EvaluationSettings, say_time: _Clock) -> Equity:
    samples = fold.samples
    models = TrainedModels(
        {(samples.market, samples.timeframe): one.model},
        settings.train.label,
        samples.split.validate_until,
        inputs=samples.inputs,
    )
    start = samples.split.test_from
    end = min(start + settings.backtest_days * DAY, fold.test_until)
    say_time(f"{_pool(samples)}: refreshing {settings.backtest_days} days")
    bars, _ = read_candles(replace(settings.train, assets=samples.assets), end)
    return backtest(ReplayedCandles(bars), samples.market, samples.timeframe, models, start, end)
