"""Metrics: what a fit's outputs say, against the labels. One file per metric, named in `metrics` of params.yaml.

A metric's file has one function:

    def measure(found: Scored, labels: NDArray[np.int64]) -> float | None

`found` holds the outputs of one fit for one split (_scored.py): the kind of its scores, the scores and the predicted
classes, which are None where a fit has none. `labels` are int64 (n,), in the same order. It returns None where the
metric is not defined for such outputs, so one that needs logits begins with

    if found.scores is None or found.kind != "logits":
        return None

docs/guide.md has a whole example. `confusion` is no number, so its function is `matrix`.

Metrics need NumPy alone and run in the summary. To add one, add a file and its name in params.yaml, and run
`dvc repro`: nothing is trained again. Modules whose name begins with `_` are what metrics share.
"""
