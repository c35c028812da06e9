"""How good models are: walk-forward folds, baselines, leak checks, backtest and report."""
