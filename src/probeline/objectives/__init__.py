"""One file for each objective: its specification, its loss and its prediction."""
