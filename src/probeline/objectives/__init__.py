"""One file for each objective: its specification, its loss and its prediction.

A loss is (mean, number of images that it is the mean of). It gets a generator for what it draws. An objective without
`predict` trains an embedding: it has no accuracy, and its networks have no head.
"""
