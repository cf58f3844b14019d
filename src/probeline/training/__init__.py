"""The engine that trains everything that has a gradient, and the format of data/models."""
