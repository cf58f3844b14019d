"""One file for each augmentation: its specification, its draw for every image of a batch, and what it does to them."""
