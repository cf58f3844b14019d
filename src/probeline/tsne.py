"""t-SNE maps of embeddings (A5, B7), and the numbers that say how far to trust what such a map shows.

van der Maaten and Hinton 2008 (jmlr.org/papers/v9/vandermaaten08a.html). All is computed on one thread: sums over
several threads are added up in the order in which they end.
"""

from importlib.metadata import version
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from probeline.embedding import Embedding
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import bar, say
from probeline.training.spec import Count, Experiment, Seed
from probeline.tsne_map import Map

NEIGHBOURS = 5  # of a point, in its trustworthiness
EXAGGERATED = 250  # iterations that both implementations begin with
LARGE = 10_000  # points; from here on openTSNE is the faster one
BLOCK = 1024  # rows of distances, or columns of vectors, at a time
Points = NDArray[np.float64]
Labels = NDArray[np.int64]
PACKAGES = {"sklearn": "scikit-learn", "opentsne": "openTSNE"}


class Spec(params.Spec):
    """An entry of `maps`, under the name of the encoder whose vectors it draws.

    Attributes:
        experiment: An id of docs/experiments.md. Maps of one experiment and task are drawn side by side.
        split: Of the task; of its draws, the one that the encoder's seed has trained on.
        images: So many of the split, drawn at random; all, where it has no more. The same images for every encoder of
            a task.
        perplexity: How many neighbours of a point count, roughly. It needs three times as many points.
        iterations: All of them are made; the first 250 pull clusters together (early exaggeration).
        seed: Of the draw of the images. The map itself starts from the principal components and draws nothing.
        implementation: scikit-learn (Barnes-Hut) or openTSNE; auto is scikit-learn up to 10,000 points.
    """

    experiment: Experiment
    split: Literal["train", "validation", "test"] = "test"
    images: Count = 2000
    perplexity: Annotated[float, Field(ge=NEIGHBOURS, le=1000)] = 30.0
    iterations: Annotated[int, Field(gt=EXAGGERATED, le=100_000)] = 1000
    seed: Seed = 0
    implementation: Literal["auto", "sklearn", "opentsne"] = "auto"


def draw(spec: Spec, embedding: Embedding, where: str) -> Map:
    """Compute the map of an embedding.

    The KL divergence is the implementation's own approximation: compare it between maps of as many points, with the
    same perplexity and implementation.

    Args:
        where: Key of the map in params.yaml, for messages.

    Raises:
        UserError: Too few points for the perplexity, or vectors that have no map.
    """
    import pandas as pd
    from threadpoolctl import threadpool_limits

    chosen, implementation = choose(spec, embedding), spec.implementation
    vectors, labels = embedding.vectors[chosen], embedding.labels[chosen]
    _insist(spec, vectors, where)
    if implementation == "auto":
        implementation = "sklearn" if len(chosen) <= LARGE else "opentsne"
    package = PACKAGES[implementation]
    say(
        f"{where}: t-SNE of {len(chosen):,} {spec.split} images, {vectors.shape[1]:,} numbers each, "
        f"perplexity {spec.perplexity:g}, {spec.iterations:,} iterations, by {package}"
    )
    import sklearn.manifold  # noqa: F401 (loads the libraries whose threads are limited next)

    with threadpool_limits(1):
        embedded = coordinates(vectors)
        layout = _sklearn if implementation == "sklearn" else _opentsne
        xy, kl = layout(embedded, start(embedded), spec, where)
        trusted = trustworthiness(embedded, xy)
        by_point = {"embedding": silhouettes(embedded, labels), "map": silhouettes(xy, labels)}
    facts = {
        **spec.model_dump(exclude={"images", "implementation"}),
        "points": len(chosen),
        "implementation": package,
        "version": version(package),
        "kl": kl,
        "trustworthiness": trusted,
        "neighbours": NEIGHBOURS,
        "silhouette": {space: _mean(values) for space, values in by_point.items()},
        "classes": [
            {
                "name": name,
                "points": int((labels == label).sum()),
                **{space: _mean(values[labels == label]) for space, values in by_point.items()},
            }
            for label, name in enumerate(embedding.classes)
        ],
        "encoder": dict(embedding.facts),
    }
    names = [embedding.classes[label] for label in labels]
    table = {"index": chosen, "x": xy[:, 0], "y": xy[:, 1], "label": labels, "class": names}
    return Map(pd.DataFrame(table), facts)


def choose(spec: Spec, embedding: Embedding) -> NDArray[np.int64]:
    """The images of a map, sorted. A smaller number of them is part of a larger."""
    indices: NDArray[np.int64] = getattr(embedding, spec.split)
    if indices.ndim == 2:
        indices = indices[embedding.facts["seed"] % len(indices)]
    order = np.random.default_rng(spec.seed).permutation(len(indices))
    return np.sort(indices[order[: spec.images]])


def _insist(spec: Spec, vectors: NDArray[np.float32], where: str) -> None:
    found, needed = len(vectors), int(np.ceil(3 * spec.perplexity))
    if found < needed:
        lower = f"lower perplexity to {found // 3} or less, or " if found >= 3 * NEIGHBOURS else ""
        raise UserError(
            f"params.yaml: {where}.perplexity: {spec.perplexity:g} needs {needed} points, three times as many, and "
            f"there are {found} {spec.split} images; {lower}take more images or another split"
        )
    if not np.isfinite(vectors).all():
        raise UserError(f"params.yaml: {where}: its vectors are not finite: the encoder diverged; remove the entry")
    distinct = len({row.tobytes() for row in vectors})
    if distinct < needed or vectors.shape[1] < 2:
        kind = f"{distinct} different vectors" if distinct < needed else "vectors of one number"
        raise UserError(
            f"params.yaml: {where}: {found} images have {kind}, and a map needs {needed} different ones of two numbers "
            "or more: the encoder collapsed; remove the entry, or map another encoder"
        )


def coordinates(vectors: NDArray[np.float32]) -> Points:
    """The vectors, centred and scaled to a mean square of 1, in no more dimensions than there are points.

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
        centred = vectors - mean
    else:
        products = np.zeros((found, found))
        for first in range(0, dimensions, BLOCK):
            part = vectors[:, first : first + BLOCK] - mean[first : first + BLOCK]
            products += part @ part.T
        squares, axes = np.linalg.eigh(products)
        centred = axes * np.sqrt(np.maximum(squares, 0))
    return np.asarray(centred / np.sqrt(np.square(centred).sum(axis=1).mean()))


def start(embedded: Points) -> Points:
    """The first two principal components (n, 2), the first with standard deviation 1e-4, their signs fixed.

    Kobak and Linderman 2021 (doi 10.1038/s41587-020-00809-z): such a start keeps the global arrangement.
    """
    from sklearn.decomposition import PCA

    components = PCA(2, svd_solver="covariance_eigh").fit_transform(embedded)
    return np.asarray(components / components[:, 0].std() * 1e-4)


def _sklearn(embedded: Points, begin: Points, spec: Spec, _where: str) -> tuple[Points, float]:
    from sklearn.manifold import TSNE

    model = TSNE(
        perplexity=spec.perplexity,
        init=begin.astype(np.float32),
        max_iter=spec.iterations,
        n_iter_without_progress=spec.iterations,
        min_grad_norm=0,
    )
    return np.asarray(model.fit_transform(embedded), dtype=np.float64), float(model.kl_divergence_)


def _opentsne(embedded: Points, begin: Points, spec: Spec, where: str) -> tuple[Points, float]:
    from openTSNE import TSNE

    with bar(where, spec.iterations, unit="iteration") as progress:

        def advance(*_: Any) -> None:  # what it returns would end the iterations
            progress.update(50)

        model = TSNE(
            perplexity=spec.perplexity,
            initialization=begin,
            early_exaggeration_iter=EXAGGERATED,
            n_iter=spec.iterations - EXAGGERATED,
            neighbors="exact",
            callbacks=advance,
            random_state=0,
        )
        found = model.fit(embedded)
    return np.asarray(found, dtype=np.float64), float(found.kl_divergence)


def trustworthiness(embedded: Points, xy: Points, neighbours: int = NEIGHBOURS) -> float:
    """How far neighbours in the map are neighbours in the embedding: 1 if all are, about 0.5 by chance.

    Venna and Kaski 2001 (doi 10.1007/3-540-44668-0_68), as scikit-learn defines it, which would need memory for all
    distances at once.

    Args:
        embedded: (n, d).
        xy: (n, 2).
        neighbours: Of each point in the map; fewer than n / 2.
    """
    from sklearn.metrics import euclidean_distances
    from sklearn.neighbors import NearestNeighbors

    found = len(xy)
    near = NearestNeighbors(n_neighbors=neighbours).fit(xy).kneighbors(return_distance=False)
    too_far = 0
    for first in range(0, found, BLOCK):
        rows = np.arange(first, min(first + BLOCK, found))
        distances = euclidean_distances(embedded[rows], embedded, squared=True)
        own = rows - first
        distances[own, rows] = -1  # a point is its own neighbour number 0
        for neighbour in near[rows].T:
            rank = (distances < distances[own, neighbour][:, None]).sum(axis=1)
            too_far += int(np.maximum(rank - neighbours, 0).sum())
    return 1 - 2 * too_far / (found * neighbours * (2 * found - 3 * neighbours - 1))


def silhouettes(positions: Points, labels: Labels) -> Points:
    """The silhouette of each point: 1 amid its own class, 0 between two, negative amid another. Euclidean distances.

    Rousseeuw 1987 (doi 10.1016/0377-0427(87)90125-7).

    Args:
        positions: (n, d).
        labels: (n,).

    Returns:
        (n,); nan for a point alone in its class, and for all where there is one class.
    """
    from sklearn.metrics import silhouette_samples

    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if not 1 < len(sizes) < len(labels):
        return np.full(len(labels), np.nan)
    return np.where(sizes[place] > 1, silhouette_samples(positions, labels), np.nan)


def _mean(values: Points) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
