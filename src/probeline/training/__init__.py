"""The engine that trains everything that has a gradient."""
