"""How forecasts did: metrics of probabilities against what happened, for training and for live records."""
