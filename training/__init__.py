"""From candles to a model repository that `growfolio.models` can serve."""
