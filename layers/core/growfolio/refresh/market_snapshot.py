"""The last price of an asset and the bars for its picture."""

from decimal import Decimal

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.calendar import sessions_between
from growfolio.domain.live_price import live_or_close
from growfolio.domain.signals import Price, in_ticks
from growfolio.domain.times import BAR, DAY
from growfolio.storage.records import MarketRecord

PICTURE_BARS = 78
"""A full stock session of 5-minute bars; for crypto, the last six and a half hours."""


def market_record(asset: Asset, bars: Bars, source: str, quote: Price | None, now: int) -> MarketRecord:
    """The live price, else the newest close, and the last session's bars, oldest first.

    bars must not be empty.
    """
    newest = int(bars.open_time[-1]) + BAR
    session = sessions_between(asset.market, newest - BAR, newest)
    opened = session[0].open if session and asset.market is Market.STOCKS else newest - DAY
    recent = bars.where(bars.open_time >= opened)
    columns = (getattr(recent, name)[-PICTURE_BARS:].tolist() for name in ("open_time", *PRICES))
    picture = tuple(
        (opened + BAR, _price(first), _price(high), _price(low), _price(last), _volume(volume))
        for opened, first, high, low, last, volume in zip(*columns, strict=True)
    )
    close = Price(in_ticks(bars.close[-1]), newest, f"{source} close")
    return MarketRecord(asset, live_or_close(quote, close, now), picture)


def _price(price: float) -> str:
    return format(in_ticks(price), "f")


def _volume(volume: float) -> str:
    return format(Decimal(f"{volume + 0.0:.6g}"), "f")  # + 0.0: no minus before a zero
