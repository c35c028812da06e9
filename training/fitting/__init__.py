"""Fitting: normalisation, weights, calibration, one model or a whole fleet."""
