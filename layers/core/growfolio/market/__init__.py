"""Sources of candles: one port, and an implementation for each provider."""
