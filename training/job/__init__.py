"""The training job that a container runs, from candles to a promoted revision."""
