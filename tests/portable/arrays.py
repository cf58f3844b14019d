"""Operations of NumPy, SciPy, scikit-learn, openTSNE and pandas that the library uses, through its own functions."""

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.lessons import baseline, convolution, mlp, scalars
from probeline.lessons.spec import Blur, Library, Matching, Mlp
from probeline.maps import quality, tsne
from probeline.maps.spec import Map
from probeline.metrics import accuracy, calibration_error, confusion, hinge, top_5
from probeline.metrics import cross_entropy as entropy
from probeline.metrics._scored import Scored
from probeline.probes import _softmax, logistic
from probeline.probes._coordinates import principal
from probeline.probes.knn import nearest, vote
from probeline.report import intervals
from probeline.tasks.task import Task

Named = Iterator[tuple[str, Any]]
Array = NDArray[Any]
LENGTHS = (1, 7, 64, 1003, 20_000)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def vectors(count: int, width: int, classes: int = 10) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors in clusters, one a class, and their classes."""
    rng = generator(count + width)
    labels = np.arange(count) % classes
    return (rng.normal(size=(classes, width))[labels] + rng.normal(size=(count, width))).astype(np.float32), labels


def digits() -> Task:
    """scikit-learn's images in 3 splits and one resample."""
    from probeline.datasets import digits

    raw = digits.read(digits.Spec(kind="digits"), "digits")
    labels = raw.labels["train"]
    images = raw.images("train", np.arange(len(labels)), None)
    order = generator().permutation(len(labels))
    return Task(
        dataset="digits", classes=raw.classes, images=images, labels=labels, origin=np.arange(len(labels)),
        digests=np.arange(len(labels), dtype=np.uint64), train=order[None, :400], validation=order[None, 400:500],
        test=order[500:600],
    )  # fmt: skip


def functions() -> Named:
    every: list[Array] = [
        generator().random(length).astype(kind) for length in LENGTHS for kind in (np.float32, np.float64)
    ]
    for name in ("exp", "expm1", "log", "log1p", "sqrt", "square", "tanh", "ceil", "cos", "sin"):
        yield name, [getattr(np, name)(x) for x in every]
    yield "powers", [(x**3, x**0.3, 10.0 ** (8 * x), 1 / (1 + x)) for x in every]
    yield "frexp ldexp", [(*np.frexp(x), np.ldexp(x, -7)) for x in every]


def reductions() -> Named:
    for shape in ((64, 10), (1000, 32), (10, 1024), (5, 3, 28, 28), (20_003,)):
        for dtype in (np.float32, np.float64):
            x: Array = generator().normal(size=shape).astype(dtype)
            yield (
                f"sum mean std {shape} {dtype.__name__}",
                [
                    (
                        x.sum(axis),
                        x.mean(axis),
                        x.std(axis),
                        x.max(axis),
                        x.argmax(axis),
                        x.mean(axis, dtype=np.float64),
                    )
                    for axis in (None, *range(len(shape)))
                ],
            )
            yield f"norm {shape} {dtype.__name__}", (np.linalg.norm(x), np.linalg.norm(x.reshape(len(x), -1), axis=1))
            yield f"order {shape} {dtype.__name__}", (np.sort(x, 0), np.argsort(x, 0, kind="stable"), np.median(x, 0))
    x = generator().normal(size=(300, 40))
    yield "percentiles", (np.percentile(x, [2.5, 50, 97.5], axis=0), np.quantile(x, 0.975))
    yield "cumsum bincount", (x.cumsum(), np.bincount(np.arange(300) % 7, weights=x[:, 0]))
    yield "lexsort unique", (np.lexsort(x.T[:3]), np.unique(x.round(1)), np.partition(x, 5, axis=1))


def products() -> Named:
    shapes = ((10, 32, 400), (400, 400, 10), (50, 3072, 20), (32, 784, 256), (256, 32, 784), (1024, 256, 10),
              (3, 3, 3), (1, 1280, 10), (70, 1280, 100), (10, 700, 700), (4, 75, 5000))  # fmt: skip
    for m, k, n in shapes:
        for dtype in (np.float32, np.float64):
            a: Array = generator().normal(size=(m, k)).astype(dtype)
            b: Array = generator(1).normal(size=(k, n)).astype(dtype)
            turned = np.ascontiguousarray(b.T).T
            yield f"product {m}x{k}x{n} {dtype.__name__}", (a @ b, a @ turned, a[:100] @ a[:100].T)
            yield f"product with a vector {m}x{k}x{n} {dtype.__name__}", (a @ b[:, 0], a[0] @ b, a[0] @ a[-1])
            yield f"einsum {m}x{k}x{n} {dtype.__name__}", (
                np.einsum("mk,mk->m", a, a, dtype=np.float64), np.einsum("mk,kn->mn", a, b, optimize=True),
            )  # fmt: skip


def draws() -> Named:
    for length in LENGTHS:
        rng = generator(7)
        yield f"drawn {length}", (
            rng.random(length), rng.normal(size=length), rng.uniform(-1, 2, length), rng.integers(10, size=length),
            rng.permutation(length), rng.choice(length, length), rng.standard_normal(length),
            rng.binomial(9, 0.3, length), rng.multinomial(length, [0.2, 0.3, 0.5]), rng.exponential(size=length),
        )  # fmt: skip


def algebra() -> Named:
    import scipy.linalg

    for size in (2, 9, 32, 64, 150):
        x = generator(size).normal(size=(size + 20, size))
        square = x.T @ x
        for name, of in (("numpy", np.linalg), ("scipy", scipy.linalg)):
            yield f"{name} eigh {size}", of.eigh(square)
            yield f"{name} svd {size}", of.svd(x, full_matrices=False)
            yield f"{name} solve {size}", of.solve(square, x[0])
            yield f"{name} qr {size}", of.qr(x)
        yield f"lstsq pinv {size}", (np.linalg.lstsq(x, x[:, 0], rcond=None)[0], np.linalg.pinv(square))


def probes() -> Named:
    for shape in ((400, 32, 10), (150, 784, 10), (300, 64, 10), (150, 1280, 10)):
        yield from _probed(*shape)


def small_probe() -> Named:
    """NumPy sorts so few numbers with AVX2's gather, which crashes in qemu 7.2."""
    yield from _probed(60, 5, 2)


def _probed(count: int, width: int, classes: int) -> Named:
    x, labels = vectors(count, width, classes)
    found = principal(x)
    yield f"principal axes {count} {width}", (found.rotated, found.axes, found.mean)
    logits = x[:, : min(classes, width)].astype(np.float64).T
    yield f"softmax {count} {width}", _softmax.cross_entropy(logits, labels % len(logits))
    penalties = logistic.default_path(x)[3:6]
    for fit in logistic.fit_path(x, labels, classes, penalties):
        yield f"logistic probe {count} {width} {fit.l2:.3g}", astuple(fit)
    for metric in ("cosine", "euclidean"):
        near = nearest(x, x[::3] + np.float32(0.1), 20, metric)
        yield f"neighbors {metric} {count} {width}", (near, vote(labels[near]))


def maps() -> Named:
    for count, width in ((150, 32), (100, 784)):
        x, labels = vectors(count, width)
        embedded = tsne.coordinates(x)
        begin = tsne.start(embedded)
        yield f"map's coordinates {count} {width}", embedded
        yield f"map's start {count} {width}", begin
        spec = Map(report_id="A5", perplexity=10.0, iterations=260)
        for implementation in ("sklearn", "opentsne"):
            xy, kl = tsne.layout(embedded, spec, implementation)
            yield f"map by {implementation} {count} {width}", (xy, kl)
            yield f"trust in it {implementation} {count} {width}", (
                quality.trustworthiness(embedded, xy), quality.silhouettes(xy, labels),
                quality.divergence(embedded, xy, 10.0),
            )  # fmt: skip
        yield f"map of all pairs sklearn {count} {width}", tsne._sklearn(embedded, begin, spec, tree=False)


def lessons() -> Named:
    task = digits()
    run = {"lr": 0.01, "batch_size": 32, "epochs": 2, "l2": {"lambda": 1e-3, "form": "sum"},
           "early_stopping": {"metric": "loss", "patience": 1}}  # fmt: skip
    for hidden in (16, 256):
        record, out = mlp.train(task, Mlp.model_validate({"hidden": hidden, "seed": 0, "runs": {"d8": run}}), "d8")
        yield f"network by hand {hidden}", (record.model_dump_json(), out.scores, out.losses)
    library, out = baseline.fit(task, Library(c=1.0, iterations=30))
    yield "logistic regression of scikit-learn", (library.model_dump_json(), out.scores, out.losses)
    yield "scalars", [row.model_dump_json() for row in scalars.table([[2, 4, 1], [9, 14, 3], [128, 42, 666]])]
    color = generator().integers(0, 256, (12, 32, 32, 3)).astype(np.uint8)
    yield "blur", convolution.blur(color, Blur(images=5, channels=5, kernel_size=5, sigma=0.8))
    for clip, batch in ((None, 4), (1.0, 1), (1.0, 8)):
        spec = Matching(images=12, largest_pixel=255 if clip is None else 1, channels=5, kernel_size=5, outputs="mean",
                        lr=1e-5, l2=1e-3, clip=clip, batch_sizes=[batch], epochs=3, seeds=[0])  # fmt: skip
        yield f"matched convolution {batch}", convolution.match(color, spec, batch, 0).model_dump_json()


def statistics() -> Named:
    yield "shares", [intervals.of_share(right, 700) for right in (0, 1, 350, 693, 700)]
    yield "means", [intervals.of_accuracy([0.5, 0.6, 0.7][: 1 + n], 500) for n in range(3)]
    scores, labels = vectors(1000, 10)
    found = Scored("logits", scores.argmax(1), scores)
    for measure in (accuracy, calibration_error, confusion, entropy, hinge, top_5):
        if hasattr(measure, "measure"):
            scored = Scored("margins", found.predicted, scores) if measure is hinge else found
            yield f"metric {measure.__name__}", measure.measure(scored, labels)


def tables() -> Named:
    import pandas as pd

    values = generator().normal(size=(200, 3)) * 10.0 ** generator(1).integers(-12, 12, (200, 3))
    frame = pd.DataFrame(values, columns=["a", "b", "c"])
    frame["group"] = np.arange(200) % 7
    yield "table", frame.to_csv(index=False, float_format="%.6g")
    yield "mean std of groups", (frame.groupby("group").mean().to_numpy(), frame.groupby("group").std().to_numpy())


GROUPS = (functions, reductions, products, draws, algebra, probes, maps, lessons, statistics, tables)
NOT_EMULATED = (small_probe,)
