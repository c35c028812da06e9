"""The assets and timeframes of the product. Adding an asset is one line in ASSETS."""

from dataclasses import dataclass
from enum import StrEnum

from growfolio.errors import UnknownAsset


class Market(StrEnum):
    """A group of assets that trade on one calendar and are refreshed together."""

    STOCKS = "stocks"
    CRYPTO = "crypto"


class Timeframe(StrEnum):
    """The length of one bar."""

    M5 = "5m"
    M15 = "15m"

    @property
    def seconds(self) -> int:
        return {Timeframe.M5: 300, Timeframe.M15: 900}[self]


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


ASSETS: tuple[Asset, ...] = (
    Asset("AAPL", Market.STOCKS, "Apple"),
    Asset("MSFT", Market.STOCKS, "Microsoft"),
    Asset("NVDA", Market.STOCKS, "NVIDIA"),
    Asset("TSLA", Market.STOCKS, "Tesla"),
    Asset("GOOGL", Market.STOCKS, "Alphabet"),
    Asset("AMZN", Market.STOCKS, "Amazon"),
    Asset("META", Market.STOCKS, "Meta Platforms"),
    Asset("AMD", Market.STOCKS, "AMD"),
    Asset("INTC", Market.STOCKS, "Intel"),
    Asset("LOW", Market.STOCKS, "Lowe's"),
    Asset("TMO", Market.STOCKS, "Thermo Fisher"),
    Asset("MA", Market.STOCKS, "Mastercard"),
    Asset("PEP", Market.STOCKS, "PepsiCo"),
    Asset("NFLX", Market.STOCKS, "Netflix"),
    Asset("BTC", Market.CRYPTO, "Bitcoin"),
    Asset("ETH", Market.CRYPTO, "Ethereum"),
    Asset("BNB", Market.CRYPTO, "BNB"),
    Asset("ADA", Market.CRYPTO, "Cardano"),
    Asset("SOL", Market.CRYPTO, "Solana"),
    Asset("XRP", Market.CRYPTO, "XRP"),
    Asset("DOGE", Market.CRYPTO, "Dogecoin"),
    Asset("AVAX", Market.CRYPTO, "Avalanche"),
    Asset("DOT", Market.CRYPTO, "Polkadot"),
    Asset("SHIB", Market.CRYPTO, "Shiba Inu"),
)

_BY_NAME = {asset.symbol: asset for asset in ASSETS} | {asset.id: asset for asset in ASSETS}


def assets_of(market: Market) -> tuple[Asset, ...]:
    """The assets of one market, in the product's order."""
    return tuple(asset for asset in ASSETS if asset.market is market)


def find_asset(name: str) -> Asset:
    """The asset a person means by name: AAPL, aapl, BTC, BTC_USDT, BTC/USDT or btc-usdt.

    Raises UnknownAsset, naming the assets there are.
    """
    asset = _BY_NAME.get(name.strip().upper().replace("/", "_").replace("-", "_"))
    if asset is None:
        known = ", ".join(known_asset.symbol for known_asset in ASSETS)
        raise UnknownAsset(f"no asset {name[:20]!r}; there are {known}")
    return asset
