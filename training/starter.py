"""The models shipped with the code, for a first run and as the last resort: pooled, small, never expiring."""

from pathlib import Path

from growfolio.domain.assets import find_asset
from growfolio.training_jobs.networks import DEFAULT_NETWORK

from training.fitting.settings import FitSettings
from training.settings import TrainSettings

STOCKS = ("AAPL", "AMZN", "GOOGL", "META", "MSFT", "MA", "PEP")
COINS = ("BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "SHIB")

ABOUT = """\
Real 5-minute candles, resampled to 15 minutes. Stocks: regular trading hours, AAPL AMZN GOOGL META MSFT
from 2024-08-09 to 2025-08-08 (2025-08-07 missing), MA PEP from 2024-09-26 to 2025-09-25; from the project
ORB-RuleBased, MIT licence. Coins: Binance spot against USDT, BTC ETH SOL XRP DOGE AVAX SHIB from 2024-01-01
to 2024-09-06; from the project GeneTrader, MIT licence. The candles are not part of the project, the models
are. All other assets of the product are served by these models without ever having been seen by them."""


def starter_settings(candles: tuple[Path, ...], out: Path) -> TrainSettings:
    """How the shipped models are made: `make starter CANDLES=DIR[:DIR...]` writes them again."""
    return TrainSettings(
        candles,
        out,
        assets=tuple(find_asset(symbol) for symbol in STOCKS + COINS),
        fit=FitSettings(network=DEFAULT_NETWORK),
        pooled_only=True,
        keep_tensors=False,
        expires_days=None,
        about=ABOUT,
    )
