"""One file for each kind of published weights: its specification, and how it is read.

`read(spec, name)` gives a `_weights.Backbone`; `name` is that of the entry, under which its files are downloaded.
"""
