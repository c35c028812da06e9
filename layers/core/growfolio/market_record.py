"""The last price of an asset and the bars for its picture."""

from decimal import Decimal

from growfolio.assets import Asset, Market, Timeframe
from growfolio.candles import Bars
from growfolio.sessions import sessions_between
from growfolio.signals import Price, in_ticks
from growfolio.store.port import MarketRecord

PICTURE_BARS = 78
"""A full stock session of 5-minute bars; for crypto, the last six and a half hours."""


def market_record(asset: Asset, bars: Bars, source: str) -> MarketRecord:
    """The newest close as the price, and the bars of the last session, oldest first. bars must not be empty."""
    newest = int(bars.open_time[-1]) + Timeframe.M5.seconds
    session = sessions_between(asset.market, newest - Timeframe.M5.seconds, newest)
    opened = session[0].open if session and asset.market is Market.STOCKS else newest - 86_400
    recent = bars.where(bars.open_time >= opened)
    picture = tuple(
        (int(row[0]) + 300, *(str(in_ticks(price)) for price in row[1:5]), _volume(row[5]))
        for row in zip(
            recent.open_time, recent.open, recent.high, recent.low, recent.close, recent.volume, strict=True
        )
    )[-PICTURE_BARS:]
    price = Price(in_ticks(bars.close[-1]), newest, f"{source} close")
    return MarketRecord(asset, price, picture)


def _volume(volume: float) -> str:
    return format(Decimal(f"{volume:.6g}"), "f")
