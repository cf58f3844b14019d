"""t-SNE maps: the numbers beside a map, against scikit-learn, SciPy and hands; same bytes; what has no map."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from sklearn import manifold
from threadpoolctl import threadpool_limits

from probeline import tsne, tsne_map
from probeline.embedding import Embedding
from probeline.figures import maps
from probeline.pipeline.errors import UserError

NAMES = ("ant", "NA", "cat")  # one that pandas would read as missing


def spec(**changes: Any) -> tsne.Spec:
    return tsne.Spec.model_validate({"experiment": "A5", "perplexity": 8.0, "iterations": 300} | changes)


def embedding(vectors: Any, labels: Any, names: tuple[str, ...] = NAMES, **splits: Any) -> Embedding:
    everything = {"train": [[]], "validation": [[]], "test": range(len(vectors))} | splits
    indices = {split: np.array(list(rows), dtype=np.int64) for split, rows in everything.items()}
    facts = {"task": "made", "seed": 1}
    return Embedding(facts, names, np.asarray(vectors, dtype=np.float32), np.asarray(labels), **indices)


def blobs() -> Embedding:
    """Three well separated classes of 40 points in 6 dimensions, one image after another of another class."""
    labels = np.arange(120) % 3
    return embedding(np.random.default_rng(0).normal(size=(120, 6)) + 20 * np.eye(6)[labels], labels)


def positions(drawn: tsne_map.Map) -> NDArray[np.float64]:
    return drawn.points[["x", "y"]].to_numpy()


def divergence(vectors: Any, xy: Any, perplexity: float) -> float:
    """KL(P || Q) as the paper defines it, each sigma by bisection, all pairs."""
    squares = cdist(vectors, vectors, "sqeuclidean")
    conditional = np.zeros_like(squares)
    for i, row in enumerate(squares):
        others = np.arange(len(row)) != i
        low, high = 1e-10, 1e10
        for _ in range(200):
            beta = np.sqrt(low * high)
            p = np.exp(-beta * (row[others] - row[others].min()))
            p /= p.sum()
            entropy = -(p * np.log(np.maximum(p, 1e-300))).sum()
            low, high = (beta, high) if entropy > np.log(perplexity) else (low, beta)
        conditional[i, others] = p
    joint = (conditional + conditional.T) / (2 * len(squares))
    q = 1 / (1 + cdist(xy, xy, "sqeuclidean"))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    some = joint > 0
    return float((joint[some] * np.log(joint[some] / q[some])).sum())


@pytest.mark.parametrize("implementation", ["sklearn", "opentsne"])
def test_a_map_keeps_classes_apart_and_its_kl_is_that_of_the_paper(implementation: str) -> None:
    made = blobs()
    drawn = tsne.draw(spec(implementation=implementation), made, "maps.m")
    xy = positions(drawn)
    distances = cdist(xy, xy) + np.diag(np.full(len(xy), np.inf))
    assert (made.labels[distances.argmin(axis=1)] == made.labels).all()
    assert drawn.facts["kl"] == pytest.approx(divergence(made.vectors, xy, 8.0), rel=0.03)
    assert min(part["map"] for part in drawn.facts["classes"]) > 0.5
    assert drawn.points["class"].tolist()[:4] == ["ant", "NA", "cat", "ant"]


@pytest.mark.parametrize("implementation", ["sklearn", "opentsne"])
def test_same_bytes_whatever_the_threads(tmp_path: Path, implementation: str) -> None:
    for threads in (1, 2):
        (tmp_path / str(threads)).mkdir()
        with threadpool_limits(threads):
            tsne_map.save(tsne.draw(spec(implementation=implementation), blobs(), "maps.m"), tmp_path / str(threads))
    for name in ("map.csv", "map.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_trustworthiness_is_scikit_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    embedded, xy = rng.normal(size=(150, 10)), rng.normal(size=(150, 2))
    xy[:, 0] += 2 * embedded[:, 0]
    monkeypatch.setattr(tsne, "BLOCK", 64)  # blocks of which the last is not full
    for neighbours in (5, 12):
        expected = manifold.trustworthiness(embedded, xy, n_neighbors=neighbours)
        assert tsne.trustworthiness(embedded, xy, neighbours) == pytest.approx(expected, abs=1e-12)
    assert tsne.trustworthiness(embedded, embedded) == 1


def test_silhouettes_by_hand() -> None:
    # On a line: class 0 at 0 and 1, class 1 at 4 and 6, class 2 alone at 20.
    line = np.array([[0.0], [1.0], [4.0], [6.0], [20.0]])
    found = tsne.silhouettes(line, np.array([0, 0, 1, 1, 2]))
    assert found[:4] == pytest.approx([(5 - 1) / 5, (4 - 1) / 4, (3.5 - 2) / 3.5, (5.5 - 2) / 5.5])
    assert np.isnan(found[4])
    assert np.isnan(tsne.silhouettes(line, np.zeros(5, dtype=np.int64))).all()


@pytest.mark.parametrize("shape", [(30, 7), (12, 500)])
def test_coordinates_keep_distances_in_few_dimensions(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsne, "BLOCK", 64)
    vectors = (1e-3 * np.random.default_rng(0).normal(size=shape) + 5).astype(np.float32)
    found = tsne.coordinates(vectors)
    assert found.shape == (shape[0], min(shape))
    ratio = pdist(found) / pdist(vectors.astype(np.float64))
    assert ratio == pytest.approx(ratio[0], rel=1e-7)
    assert np.square(found).sum(axis=1).mean() == pytest.approx(1)


def test_the_start_is_the_principal_plane_with_a_fixed_sign() -> None:
    vectors = tsne.coordinates(blobs().vectors)
    begin = tsne.start(vectors)
    plane = np.linalg.svd(vectors)[2][:2]
    scores = vectors @ plane.T
    assert np.abs(begin) == pytest.approx(np.abs(scores / scores[:, 0].std() * 1e-4), rel=1e-6, abs=1e-12)
    # The largest weight of each component is positive.
    weights = np.linalg.lstsq(vectors, begin, rcond=None)[0]
    assert (weights[np.abs(weights).argmax(axis=0), [0, 1]] > 0).all()


def test_images_come_from_the_draw_that_the_encoder_saw_and_a_smaller_sample_is_part_of_a_larger() -> None:
    made = embedding(
        np.zeros((90, 2)), np.zeros(90), train=[range(30), range(30, 60)], validation=[[60], [61]], test=range(62, 90)
    )
    chosen = [tsne.choose(spec(split="train", images=images), made).tolist() for images in (10, 20, 30, 2000)]
    assert [len(indices) for indices in chosen] == [10, 20, 30, 30]
    assert all(set(small) < set(large) for small, large in pairwise(chosen[:3]))
    assert chosen[3] == list(range(30, 60))  # seed 1: the second draw
    assert tsne.choose(spec(split="train", images=10, seed=1), made).tolist() != chosen[0]
    assert tsne.choose(spec(), made).tolist() == list(range(62, 90))


@pytest.mark.parametrize(
    ("vectors", "images", "line"),
    [
        (np.eye(40, 3), 2000, "perplexity: 30 needs 90 points, three times as many, and there are 40 test images; low"),
        (np.eye(200, 3), 50, "perplexity: 30 needs 90 points, three times as many, and there are 50 test images; low"),
        (np.eye(10, 3), 2000, "there are 10 test images; take more images or another split"),
        (np.full((100, 3), np.nan), 2000, "its vectors are not finite: the encoder diverged"),
        (np.ones((100, 3)), 2000, "100 images have 1 different vectors, and a map needs 90 different ones"),
        (np.arange(100.0)[:, None], 2000, "100 images have vectors of one number"),
    ],
)
def test_what_has_no_map_is_refused_in_one_line(vectors: Any, images: int, line: str) -> None:
    made = embedding(vectors, np.arange(len(vectors)) % 3)
    with pytest.raises(UserError) as refused:
        tsne.draw(spec(perplexity=30.0, images=images), made, "maps.m")
    assert refused.value.lines[0].startswith("params.yaml: maps.m")
    assert line in refused.value.lines[0]


def test_vectors_of_any_magnitude_have_the_same_map() -> None:
    made = blobs()
    small, large = (
        tsne.draw(spec(), embedding(made.vectors * factor, made.labels), "maps.m") for factor in (2.0**-60, 2.0**60)
    )
    assert np.array_equal(positions(small), positions(large))


def test_what_is_read_is_what_was_drawn(tmp_path: Path) -> None:
    drawn = tsne.draw(spec(), blobs(), "maps.m")
    for name in ("z32", "z64"):
        (tmp_path / name).mkdir()
        tsne_map.save(drawn, tmp_path / name)
    found = tsne_map.load(["z64", "z32"], tmp_path)
    assert list(found) == ["z64", "z32"]
    assert found["z32"].facts == drawn.facts == json.loads((tmp_path / "z32/map.json").read_text())
    assert found["z32"].points["class"].tolist() == drawn.points["class"].tolist()
    assert positions(found["z32"]) == pytest.approx(positions(drawn), rel=1e-5)
    table = tsne_map.table(found)
    assert table["class"].tolist() == ["all", *NAMES] * 2
    assert table["points"].tolist() == [120, 40, 40, 40] * 2
    by_class = table["silhouette_map"].to_numpy()
    assert by_class[0] == pytest.approx(by_class[1:4].mean())  # as many points in each class
    assert list(tsne_map.side_by_side(found)) == [("A5", "made")]
    assert not tsne_map.side_by_side({"z32": drawn})
    (tmp_path / "z32/map.json").unlink()
    with pytest.raises(UserError, match=r"dvc repro --force tsne@z32"):
        tsne_map.load(["z32"], tmp_path)


def test_figures_are_drawn_for_many_classes_and_for_one_without_points(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 30  # of 31 classes: the last has no points
    names = tuple(f"${number}" for number in range(31))
    drawn = tsne.draw(spec(), embedding(rng.normal(size=(90, 4)), labels, names), "maps.m")
    assert drawn.facts["classes"][30] == {"name": "$30", "points": 0, "embedding": None, "map": None}
    shown = maps._shown([drawn])
    values = [part["embedding"] for part in drawn.facts["classes"][:30]]
    assert [values[label] for label in shown] == sorted(values)[:-7:-1] + sorted(values)[5::-1]
    few = tsne.draw(spec(), embedding(rng.normal(size=(90, 4)), np.arange(90) % 2), "maps.m")
    assert few.facts["classes"][2]["points"] == 0
    for number in (1, 2):
        maps.draw(tmp_path / f"many-{number}.png", "m", drawn)
        maps.compare(tmp_path / f"few-{number}.png", "A5", "made", {"a": few, "b": few})
    for name in ("many", "few"):
        assert (tmp_path / f"{name}-1.png").read_bytes() == (tmp_path / f"{name}-2.png").read_bytes()
