"""One file for each probe of frozen vectors: its specification, its fit on train, its choice on validation.

A probe's result has `predict(vectors)`, `rows` (a dict a setting) and `chosen` (the row that validation chose). None
of them sees the test images.
"""
