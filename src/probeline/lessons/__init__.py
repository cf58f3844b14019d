"""The from-scratch work of report D: forward and backward written by hand, meant to be read."""
