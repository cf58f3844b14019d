"""One file for each kind of data set: its specification, and how it is read."""
