"""One file for each probe of frozen vectors: its specification, and how it is fitted.

The key in an entry of `probes` is the name of a file here. Each has a `Spec` and

    fit(spec, data) -> Fitted

which fits on the training vectors of one resample, chooses on its validation vectors, and then says of every validation
and test vector what it gives (results/outputs.py), and of the training vectors where that makes sense. `Spec` has its
own name with a default, `name: Literal["knn"] = "knn"`. `data.of(split)` gives vectors, float32 (n, D), and labels,
int64 (n,); `data.classes` is the number of classes (_data.py). docs/guide.md has a whole example. A file whose name
begins with `_` is no probe, but what they share.
"""
