"""The assets of the product, made once from the list (catalogue.py): a process never changes them."""

from dataclasses import dataclass
from enum import StrEnum

from growfolio.domain.catalogue import catalogue
from growfolio.domain.timeframes import Timeframe as Timeframe
from growfolio.errors import UnknownAsset

_CATALOGUE = catalogue()


class Market(StrEnum):
    """A group of assets that trade on one calendar and are refreshed together."""

    STOCKS = "stocks"
    CRYPTO = "crypto"


@dataclass(frozen=True, slots=True, order=True)
class Asset:
    """One stock or coin.

    symbol is what readers see and what the table is keyed by; id names its model and candle files.
    """

    symbol: str
    market: Market
    name: str

    @property
    def id(self) -> str:
        return f"{self.symbol}_USDT" if self.market is Market.CRYPTO else self.symbol

    @property
    def pair(self) -> str:
        """The unified symbol at an exchange, e.g. BTC/USDT; a stock's is its ticker."""
        return self.id.replace("_", "/")


ASSETS: tuple[Asset, ...] = tuple(
    Asset(symbol, Market(market), name) for symbol, market, name in _CATALOGUE.assets
)


def _plain(name: str) -> str:
    return name.strip().upper().replace("/", "_").replace("-", "_")


_BY_NAME = {_plain(name): asset for asset in ASSETS for name in (asset.symbol, asset.id)}


def assets_of(market: Market) -> tuple[Asset, ...]:
    """The assets of one market, in the product's order."""
    return tuple(asset for asset in ASSETS if asset.market is market)


def find_asset(name: str) -> Asset:
    """The asset a person means by name: AAPL, aapl, BTC, BTC_USDT, BTC/USDT or btc-usdt.

    Raises UnknownAsset, naming the assets there are.
    """
    asset = _BY_NAME.get(_plain(name))
    if asset is None:
        known = ", ".join(known_asset.symbol for known_asset in ASSETS)
        raise UnknownAsset(f"no asset {name[:20]!r}; there are {known}")
    return asset
