"""One file for each model: its specification, and how it is built."""
