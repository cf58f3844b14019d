"""One file for each kind of published weights: its specification, and how it is read."""
