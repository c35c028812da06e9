"""Growfolio Signals: BUY / HOLD / SELL signals with calibrated confidence, refreshed every five minutes."""
