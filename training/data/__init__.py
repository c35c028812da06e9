"""Candles of the past: downloaded, checked, labelled and split by time."""
