"""Sweeps: a run repeated over a grid of values."""
