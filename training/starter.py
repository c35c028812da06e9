"""The models shipped with the code, for a first run and as the last resort: pooled, small, never expiring."""

from pathlib import Path

from growfolio.domain.assets import Asset, Market, find_asset
from growfolio.training_jobs.networks import DEFAULT_NETWORK

from training.fitting.settings import FitSettings
from training.settings import DEFAULT_INPUTS, TrainSettings

STOCKS = ("AAPL", "MSFT", "NVDA", "TSLA", "GOOGL", "AMZN", "META", "AMD", "MA", "PEP")
COINS = ("BTC", "ETH", "BNB", "ADA", "SOL", "XRP", "DOGE", "AVAX", "DOT", "SHIB")
OTHERS = ("SPY", "QQQ", "XLK", "UNH", "ADBE", "COST")
"""Stocks and funds that the product does not serve: more history of the same market."""
UNTIL = {Market.CRYPTO: 1_735_689_600, Market.STOCKS: 1_754_697_600}
"""2025-01-01 and 2025-08-09: what comes later is left to judge the models on."""
SHARES = (0.82, 0.1)
FIT = FitSettings(
    network=DEFAULT_NETWORK, epochs=8, batch_size=512, learning_rate=4e-3, following_rate=1.4e-3
)
"""Larger batches than usual and higher rates to go with them: for five times the history."""

ABOUT = """\
Real 5-minute candles, resampled to 15 minutes, until 2024-12-31 (coins) and 2025-08-08 (stocks).
Coins: Binance spot against USDT, from 2022-08-01: BTC ETH SOL ADA to 2024-11-30, XRP DOGE to 2024-09-07 and
AVAX to 2024-12-22 (SOL ADA XRP DOGE without 2023-10 to 2023-12), DOT to 2023-10-02, BNB from 2022-12-01 to
2023-10-02, SHIB from 2024-01-01 to 2024-09-07; from E0V1E-DCA, freqtrade-strategy-ichiv1, cryptoTradingBot
(MIT), GeneTrader (MIT), Micro-Services_FT_Project and a fork of freqtrade by skeleton1231 (GPL-3).
Stocks: regular trading hours. AAPL AMZN GOOGL META MSFT SPY QQQ from 2024-08-09 and MA PEP XLK UNH ADBE COST
from 2023-09-27, from ORB-RuleBased (MIT); AAPL MSFT NVDA TSLA SPY QQQ from 2022-02 to 2023-06, from stratback
(MIT); NVDA TSLA AMD from 2025-02-03, from stock-data-mining. SPY QQQ XLK UNH ADBE COST are no assets of the
product. INTC LOW TMO NFLX have no candles here: these models serve them without ever having seen them.
The candles are not part of the project, the models are."""


def starter_settings(candles: tuple[Path, ...], out: Path, until: int | None = None) -> TrainSettings:
    """How the shipped models are made: `make starter CANDLES=DIR[:DIR...]` writes them again.

    until, in seconds: an earlier end of all candles, for models to be checked on later ones.
    """
    return TrainSettings(
        candles,
        out,
        assets=(
            *map(find_asset, STOCKS + COINS),
            *(Asset(symbol, Market.STOCKS, symbol) for symbol in OTHERS),
        ),
        inputs=DEFAULT_INPUTS,
        fit=FIT,
        pooled_only=True,
        keep_tensors=False,
        expires_days=None,
        shares=SHARES,
        until={market: min(end, until or end) for market, end in UNTIL.items()},
        about=ABOUT,
    )
