"""One refresh of one market: candles in, signals stored."""
