"""What readers are answered about the record, as schemas (see contract.py)."""

from datetime import datetime

from growfolio.domain.assets import Market, Timeframe
from pydantic import Field

from signals_api.contract import Answer


class Calibration(Answer):
    """How far the probability of the action lies from how often it is right."""

    rows: int
    gap: float = Field(description="Probability less accuracy over all: above 0 the model is too sure.")
    gap_90: tuple[float, float]
    error: float = Field(description="Expected calibration error.")
    calibrated_90: tuple[float, float] = Field(
        description="Where the error of 90 % of calibrated models lies, on as many rows."
    )
    left_band: bool = Field(
        description="The error is above that: the model has aged, or its market has turned. Train it anew."
    )


class Scores(Answer):
    """Each beside the value that needs no model."""

    accuracy: float = Field(ge=0, le=1)
    base_rate: float = Field(ge=0, le=1, description="Accuracy of always naming the commonest class.")
    log_loss: float = Field(ge=0, description="Nats.")
    prior_log_loss: float | None = Field(
        description="Nats, of the class shares known when each signal was made; null where some had none."
    )
    brier: float = Field(ge=0, le=2)
    moved: int = Field(description="How many were sell or buy.")
    direction: float | None = Field(
        description="Of those that moved, the share whose side was foreseen; 0.5 is a coin."
    )
    confusion: list[list[int]] = Field(
        description="What happened (rows) against the action (columns): sell, hold, buy."
    )


class Targets(Answer):
    """What became of the price that a BUY means to sell at, or a SELL to buy back at, within 12 bars."""

    promised: int
    reached: int
    stopped: int
    neither: int


class Acting(Answer):
    """Each BUY and SELL followed until its horizon, as shares of the value."""

    acted: int
    cost_each_way: float
    mean_gross: float
    mean_net: float = Field(description="After the cost of entering and of leaving.")


class Standing(Answer):
    """What some signals were worth; null beside a note where too few are settled."""

    signals: int
    scored: int
    not_scored: int = Field(description="Whose horizon reaches beyond the session.")
    unsettled: int = Field(description="Whose candles were missing or left out.")
    pending: int
    note: str | None
    scores: Scores | None
    targets: Targets | None
    acting: Acting | None
    calibration: Calibration | None = Field(description="Null too where only sums are kept: in `all`.")
    calibration_in_slots: Calibration | None = Field(
        description="Within each 5 minutes of the hour; of whole markets alone."
    )
    direction_90: tuple[float, float] | None = Field(description="The interval of direction.")


class StandingApart(Answer):
    revision: str
    market: Standing


class Like(Answer):
    """BUYs or SELLs of one strength: how many were right, and how many went the other way."""

    n: int
    right: int
    opposite: int
    direction_90: tuple[float, float] | None = Field(
        description="The interval of the share of right among both; null where they are too few."
    )


class RevisionStanding(StandingApart):
    """One model revision: all of its signals, those of each asset, and those of each strength."""

    assets: dict[str, Standing]
    strengths: dict[str, Standing] = Field(
        description="By the probability of the action: `high` from 60 %, `middle` from 45 %, else `low`."
    )
    likes: dict[str, Like] = Field(description="By action and strength, e.g. `BUY high`; none in `all`.")
    usual_moves: dict[str, float] = Field(
        description="The mean of 1 - P(HOLD) by the minute of the hour that bars close in; none in `all`."
    )


class RecordWindow(Answer):
    """The newest revision first. What proves nothing is counted apart."""

    revisions: list[RevisionStanding]
    in_sample: list[StandingApart]
    simulated: list[StandingApart]


class RecordWindows(Answer):
    day: RecordWindow = Field(description="Until the newest bar.")
    week: RecordWindow = Field(description="The 7 UTC days that ended at rolled_until.")
    month: RecordWindow = Field(description="The 30 UTC days that ended at rolled_until.")
    all: RecordWindow


class MarketRecord(Answer):
    market: Market
    timeframe: Timeframe
    newest_bar_close: datetime
    rolled_until: datetime
    windows: RecordWindows


class Record(Answer):
    """What signals were worth, market by market; empty before the first hour."""

    timeframe: Timeframe
    records: list[MarketRecord]


ANSWERS = (Record,)
