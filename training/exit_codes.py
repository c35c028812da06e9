"""Exit codes of `python -m training`: they say whether it is worth trying again."""

from enum import IntEnum

from growfolio.errors import (
    ArchiveError,
    BadCandles,
    ConfigurationError,
    GrowfolioError,
    MissingCandles,
    MissingGpu,
    PermanentMarketError,
    PermanentModelError,
    TemporaryMarketError,
    TemporaryModelError,
    UnknownAsset,
    UnsoundInput,
)


class Outcome(IntEnum):
    """The exit codes of `python -m training`. 2 is argparse's own for arguments that it cannot read."""

    DONE = 0
    FAILED = 1
    """A fault of the program."""
    CONFIGURATION = 2
    """Something must be set otherwise: the message says what. Trying again changes nothing."""
    BAD_DATA = 3
    """Candles that no model may be trained on: the report says which. Trying again changes nothing."""
    CONNECTION = 4
    """A provider, the Hub or the bucket was out of reach: worth trying again."""
    NO_GPU = 5
    """A machine that was paid for its GPU, and torch finds none. Another try would cost as much again."""
    STOPPED = 130
    """Stopped by Ctrl+C (128 + SIGINT)."""
    INTERRUPTED = 143
    """Stopped by SIGTERM (128 + 15) with a checkpoint: started again, it goes on from there."""


_OUTCOMES: dict[type[GrowfolioError], Outcome] = {
    ConfigurationError: Outcome.CONFIGURATION,
    UnknownAsset: Outcome.CONFIGURATION,
    UnsoundInput: Outcome.CONFIGURATION,
    PermanentModelError: Outcome.CONFIGURATION,
    BadCandles: Outcome.BAD_DATA,
    MissingCandles: Outcome.BAD_DATA,
    MissingGpu: Outcome.NO_GPU,
    PermanentMarketError: Outcome.BAD_DATA,
    TemporaryMarketError: Outcome.CONNECTION,
    TemporaryModelError: Outcome.CONNECTION,
    ArchiveError: Outcome.CONNECTION,
}


def outcome_of(fault: GrowfolioError) -> Outcome:
    """The exit code that a fault ends with."""
    return next((code for kind, code in _OUTCOMES.items() if isinstance(fault, kind)), Outcome.FAILED)
