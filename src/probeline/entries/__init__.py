"""The entries of params.yaml as a whole: what they may hold, what fits together, and presets of them."""
