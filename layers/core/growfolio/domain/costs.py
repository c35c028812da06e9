"""What acting on a signal costs: backtest and record count it alike. Imports no numpy."""

from growfolio.domain.assets import Market

COST_EACH_WAY = {Market.STOCKS: 0.0002, Market.CRYPTO: 0.001}
"""Of the traded value: spread and slippage of large stocks; an exchange's taker fee."""
