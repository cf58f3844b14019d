"""t-SNE maps of embeddings (A5, B7), and the numbers that say how far to trust what such a map shows.

van der Maaten and Hinton 2008 (jmlr.org/papers/v9/vandermaaten08a.html). All is computed on one thread: sums over
several threads are added up in the order in which they end.
"""

from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.encoders.embedding import Embedding
from probeline.maps.quality import Points, divergence, silhouettes, trustworthiness
from probeline.maps.spec import EXAGGERATED, NEIGHBORS, Map
from probeline.pipeline.errors import ParamError
from probeline.pipeline.progress import bar, say
from probeline.results import maps

LARGE = 10_000  # points; from here on openTSNE is the faster one
COUNTED = 5_000  # points of which all pairs are counted
BLOCK = 1024  # columns of vectors at a time
TOUCHING = 1e-6  # points of a map that both implementations take for one
FEW = 0.01  # of the points: so many change the divergence less than its approximation does
JITTER = 1e-5  # a tenth of the spread with which a map starts
PACKAGES = {"sklearn": "scikit-learn", "opentsne": "openTSNE"}


def draw(spec: Map, embedding: Embedding) -> maps.Map:
    """Compute the map of an embedding.

    The KL divergence is the implementation's own approximation: compare it between maps of as many points, with the
    same perplexity and implementation. Where many points lie on each other it is the exact one; see `layout`.

    Raises:
        ParamError: Too few points for the perplexity, or vectors that have no map.
    """
    import pandas as pd
    from threadpoolctl import threadpool_limits

    chosen, implementation = choose(spec, embedding), spec.implementation
    vectors, labels = embedding.vectors[chosen], embedding.labels[chosen]
    _insist(spec, vectors)
    if implementation == "auto":
        implementation = "sklearn" if len(chosen) <= LARGE else "opentsne"
    package = PACKAGES[implementation]
    say(
        f"t-SNE of {len(chosen):,} {spec.split} images, {vectors.shape[1]:,} numbers each, "
        f"perplexity {spec.perplexity:g}, {spec.iterations:,} iterations, by {package}"
    )
    import sklearn.manifold  # noqa: F401 (loads the libraries whose threads are limited next)

    with threadpool_limits(1):
        embedded = coordinates(vectors)
        xy, kl = layout(embedded, spec, implementation)
        trusted = trustworthiness(embedded, xy)
        by_point = {"embedding": silhouettes(embedded, labels), "map": silhouettes(xy, labels)}
    facts = maps.Facts(
        **spec.model_dump(exclude={"images", "implementation"}),
        points=len(chosen),
        implementation=package,
        implementation_version=version(package),
        kl=kl,
        trustworthiness=trusted,
        neighbors=NEIGHBORS,
        silhouette=maps.Silhouettes(**{space: _mean(values) for space, values in by_point.items()}),
        classes=[
            maps.Class(
                name=name,
                points=int((labels == label).sum()),
                **{space: _mean(values[labels == label]) for space, values in by_point.items()},
            )
            for label, name in enumerate(embedding.classes)
        ],
        encoder=embedding.facts,
    )
    names = [embedding.classes[label] for label in labels]
    table = {"index": chosen, "x": xy[:, 0], "y": xy[:, 1], "label": labels, "class": names}
    return maps.Map(pd.DataFrame(table), facts)


def choose(spec: Map, embedding: Embedding) -> NDArray[np.int64]:
    """The images of a map, sorted. A smaller number of them is part of a larger."""
    indices: NDArray[np.int64] = getattr(embedding, spec.split)
    if indices.ndim == 2:
        indices = indices[embedding.facts.seed % len(indices)]
    order = np.random.default_rng(spec.seed).permutation(len(indices))
    return np.sort(indices[order[: spec.images]])


def _insist(spec: Map, vectors: NDArray[np.float32]) -> None:
    found, needed = len(vectors), int(np.ceil(3 * spec.perplexity))
    if found < needed:
        lower = f"lower perplexity to {found // 3} or less, or " if found >= 3 * NEIGHBORS else ""
        raise ParamError(
            "perplexity",
            f"{spec.perplexity:g} needs {needed} points, three times as many, and there are {found} {spec.split} "
            "images",
            f"{lower}take more images or another split",
        )
    if not np.isfinite(vectors).all():
        raise ParamError("", "its vectors are not finite: the encoder diverged", "remove the entry")
    distinct = len({row.tobytes() for row in vectors})
    if distinct < needed or vectors.shape[1] < 2:
        kind = f"{distinct} different vectors" if distinct < needed else "vectors of one number"
        raise ParamError(
            "",
            f"{found} images have {kind}, and a map needs {needed} different ones of two numbers or more: "
            "the encoder collapsed",
            "remove the entry, or map another encoder",
        )


def coordinates(vectors: NDArray[np.float32]) -> Points:
    """The vectors, centered and scaled to a mean square of 1, in no more dimensions than there are points.

    Distances keep their proportions exactly: where there are more dimensions than points (photographs as pixels), the
    points are turned into the space that they span.

    Args:
        vectors: (n, d), not all the same.

    Returns:
        (n, min(n, d)).
    """
    found, dimensions = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64)
    if dimensions <= found:
        centered = vectors - mean
    else:
        products = np.zeros((found, found))
        for first in range(0, dimensions, BLOCK):
            part = vectors[:, first : first + BLOCK] - mean[first : first + BLOCK]
            products += part @ part.T
        squares, axes = np.linalg.eigh(products)
        centered = axes * np.sqrt(np.maximum(squares, 0))
    return np.asarray(centered / np.sqrt(np.square(centered).sum(axis=1).mean()))


def start(embedded: Points) -> Points:
    """The first two principal components (n, 2), the first with standard deviation 1e-4, their signs fixed.

    Kobak and Linderman 2021 (doi 10.1038/s41587-020-00809-z): such a start keeps the global arrangement.
    """
    from sklearn.decomposition import PCA

    components = PCA(2, svd_solver="covariance_eigh").fit_transform(embedded)
    return np.asarray(components / components[:, 0].std() * 1e-4)


def layout(embedded: Points, spec: Map, implementation: str) -> tuple[Points, float]:
    """A map (n, 2), and its KL divergence.

    Both implementations repel points by a tree, which takes points on one place for a single point: equal vectors then
    never part, and where there are many, the map grows without bound and its divergence comes out below 0. Where more
    than a FEW lie on each other, equal points start a little apart, all pairs of points are counted, and the divergence
    is computed as the paper defines it. (openTSNE itself uses no tree from LARGE points on.)

    Args:
        implementation: sklearn or opentsne.

    Raises:
        ParamError: There are too many points for that.
    """
    make = _sklearn if implementation == "sklearn" else _opentsne
    begin = start(embedded)
    xy, kl = make(embedded, begin, spec, tree=True)
    tree = implementation == "sklearn" or len(embedded) < LARGE
    if kl >= 0 and not (tree and on_each_other(xy, TOUCHING).mean() > FEW):  # a divergence of nan is none
        return xy, kl
    if len(embedded) > COUNTED:
        raise ParamError(
            "images",
            f"many of {len(embedded):,} vectors are equal or nearly so, and such a map has {COUNTED:,} points at most",
            f"lower images to {COUNTED}",
        )
    apart = np.random.default_rng(0).normal(scale=JITTER, size=begin.shape)
    xy, _ = make(embedded, begin + np.where(on_each_other(begin, JITTER)[:, None], apart, 0), spec, tree=False)
    return xy, divergence(embedded, xy, spec.perplexity)


def on_each_other(xy: Points, distance: float) -> NDArray[np.bool_]:
    """Which points (n, 2) have another within a distance, bool (n,)."""
    from scipy.spatial import KDTree

    nearest, _ = KDTree(xy).query(xy, k=2)
    return np.asarray(nearest[:, 1] <= distance)


def _sklearn(embedded: Points, begin: Points, spec: Map, *, tree: bool) -> tuple[Points, float]:
    from sklearn.manifold import TSNE

    model = TSNE(
        method="barnes_hut" if tree else "exact",
        perplexity=spec.perplexity,
        init=begin.astype(np.float32),
        max_iter=spec.iterations,
        n_iter_without_progress=spec.iterations,
        min_grad_norm=0,
    )
    return np.asarray(model.fit_transform(embedded), dtype=np.float64), float(model.kl_divergence_)


def _opentsne(embedded: Points, begin: Points, spec: Map, *, tree: bool) -> tuple[Points, float]:
    from openTSNE import TSNE

    with bar("t-SNE", spec.iterations, unit="iteration") as progress:

        def advance(*_: Any) -> None:  # what it returns would end the iterations
            progress.update(50)

        model = TSNE(
            perplexity=spec.perplexity,
            initialization=begin,
            early_exaggeration_iter=EXAGGERATED,
            n_iter=spec.iterations - EXAGGERATED,
            neighbors="exact",
            negative_gradient_method="auto" if tree else "fft",
            callbacks=advance,
            random_state=0,
        )
        found = model.fit(embedded)
    return np.asarray(found, dtype=np.float64), float(found.kl_divergence)


def _mean(values: Points) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
