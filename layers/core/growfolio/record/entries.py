"""One signal and what became of it: a line of the ledger."""

from dataclasses import dataclass, fields, replace

from growfolio.domain.assets import Asset, find_asset
from growfolio.domain.signals import LEAST_PROBABILITY, Signal

PENDING, SCORED, NOT_SCORED, UNSETTLED = "pending", "scored", "not_scored", "unsettled"
"""The states of a signal's class. NOT_SCORED: its horizon reaches beyond the session, as in training."""
BUY, SELL, STOP, NONE, SESSION_ENDED = "buy", "sell", "stop", "none", "session_ended"
"""Which came first, beside UNSETTLED. SESSION_ENDED: none did before the close, within fewer bars."""
REACHED, STOPPED, NEITHER, NOTHING_PROMISED = "reached", "stopped", "neither", "nothing_promised"
"""What came of the price that a BUY means to sell at, or a SELL to buy back at."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One signal and what became of it: a line of the ledger. An empty text means: not known yet."""

    symbol: str
    timeframe: str
    bar_close: int
    """Seconds since the epoch."""
    model: str
    revision: str
    in_sample: bool
    simulated: bool
    action: str
    p_sell: float
    p_hold: float
    p_buy: float
    shares: tuple[float, float, float] | None
    """Class shares that were known when the signal was made, in the order of p_sell, p_hold, p_buy."""
    label: str
    horizon_bars: int
    threshold: float
    price: float
    from_close: bool
    """Whether price is the bar's close; otherwise it was a live price."""
    buy_target: float
    sell_target: float
    stop_loss: float
    status: str = PENDING
    reason: str = ""
    """Why it is not settled."""
    outcome: str = ""
    """The class that happened: SELL, HOLD or BUY."""
    change: float | None = None
    """The close of the horizon's last bar over that of the signal's bar, less 1."""
    log_loss: float | None = None
    """The negative logarithm of the probability of what happened, in nats."""
    first: str = ""
    first_after: int | None = None
    """Bars until then."""
    promise: str = ""

    @property
    def key(self) -> tuple[int, str, str]:
        return self.bar_close, self.timeframe, self.symbol

    @property
    def asset(self) -> Asset:
        return find_asset(self.symbol)

    @property
    def probabilities(self) -> tuple[float, float, float]:
        """In the order of CLASSES, none of them 0."""
        sell, hold, buy = (max(p, LEAST_PROBABILITY) for p in (self.p_sell, self.p_hold, self.p_buy))
        return sell, hold, buy

    @property
    def settled(self) -> bool:
        """Whether nothing of it is open any more."""
        return self.status != PENDING and bool(self.first) and bool(self.promise)

    def completed_by(self, other: "Entry") -> "Entry":
        """This entry, with what only the other one knows. What is settled here stays."""
        names = [] if self.status != PENDING else ["status", "reason", "outcome", "change", "log_loss"]
        names += [] if self.first else ["first", "first_after"]
        names += [] if self.promise else ["promise"]
        return replace(self, **{name: getattr(other, name) for name in names}) if names else self


FIELDS = tuple(field.name for field in fields(Entry))


def entry_of(signal: Signal) -> Entry:
    """The entry of a signal of which nothing is settled."""
    sell, hold, buy = map(float, signal.probabilities)
    shares = signal.class_shares
    return Entry(
        symbol=signal.asset.symbol,
        timeframe=signal.timeframe.value,
        bar_close=signal.bar_close,
        model=signal.model.id,
        revision=signal.model.revision,
        in_sample=signal.in_sample,
        simulated=signal.simulated,
        action=signal.action.value,
        p_sell=sell,
        p_hold=hold,
        p_buy=buy,
        shares=None if shares is None else (float(shares[0]), float(shares[1]), float(shares[2])),
        label=signal.label,
        horizon_bars=signal.horizon_bars,
        threshold=float(signal.threshold),
        price=float(signal.price.value),
        from_close=signal.price.source.endswith(" close"),
        buy_target=float(signal.buy_target),
        sell_target=float(signal.sell_target),
        stop_loss=float(signal.stop_loss),
    )
