"""t-SNE maps: KL divergence against SciPy, same bytes, what has no map, and tsne@encoder."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from scipy.spatial.distance import cdist, pdist
from threadpoolctl import threadpool_limits

from probeline.encoders import embedding as embeddings
from probeline.encoders.embedding import Embedding
from probeline.maps import tsne
from probeline.maps.spec import Map
from probeline.pipeline.errors import ParamError
from probeline.results import maps
from stages import tsne as stage
from tests.unit.report.made import embedded

NAMES = ("ant", "NA", "cat")  # one that pandas would read as missing


def spec(**changes: Any) -> Map:
    return Map.model_validate({"report_id": "A5", "perplexity": 8.0, "iterations": 300} | changes)


def embedding(vectors: Any, labels: Any, names: tuple[str, ...] = NAMES, **splits: Any) -> Embedding:
    everything = {"train": [[0]], "validation": [[1]], "test": range(len(vectors))} | splits
    indices = {split: np.array(list(rows), dtype=np.int64) for split, rows in everything.items()}
    return Embedding(
        facts=embedded(seed=1),
        classes=names,
        vectors=np.asarray(vectors, dtype=np.float32),
        labels=np.asarray(labels, dtype=np.int64),
        **indices,
    )


def blobs() -> Embedding:
    """Three well separated classes of 40 points in 6 dimensions, one image after another of another class."""
    labels = np.arange(120) % 3
    return embedding(np.random.default_rng(0).normal(size=(120, 6)) + 20 * np.eye(6)[labels], labels)


def positions(drawn: maps.Map) -> NDArray[np.float64]:
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
    drawn = tsne.draw(spec(implementation=implementation), made)
    xy = positions(drawn)
    distances = cdist(xy, xy) + np.diag(np.full(len(xy), np.inf))
    assert (made.labels[distances.argmin(axis=1)] == made.labels).all()
    assert drawn.facts.kl == pytest.approx(divergence(made.vectors, xy, 8.0), rel=0.03)
    assert [part.points for part in drawn.facts.classes] == [40, 40, 40]
    by_class = [part.map or 0 for part in drawn.facts.classes]
    assert min(by_class) > 0.5
    assert drawn.facts.silhouette.map == pytest.approx(np.mean(by_class))  # as many points in each class
    assert drawn.points["class"].tolist()[:4] == ["ant", "NA", "cat", "ant"]


@pytest.mark.parametrize("implementation", ["sklearn", "opentsne"])
def test_same_bytes_whatever_the_threads(tmp_path: Path, implementation: str) -> None:
    for threads in (1, 2):
        (tmp_path / str(threads)).mkdir()
        with threadpool_limits(threads):
            maps.save(tsne.draw(spec(implementation=implementation), blobs()), tmp_path / str(threads))
    for name in ("map.csv", "map.json"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_many_points_go_to_opentsne_unless_the_entry_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tsne.draw(spec(), blobs()).facts.implementation == "scikit-learn"
    monkeypatch.setattr(tsne, "LARGE", 119)
    assert tsne.draw(spec(), blobs()).facts.implementation == "openTSNE"
    assert tsne.draw(spec(implementation="sklearn"), blobs()).facts.implementation == "scikit-learn"


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


def test_images_come_from_the_resample_that_the_encoder_saw_and_a_smaller_sample_is_part_of_a_larger() -> None:
    made = embedding(
        np.zeros((90, 2)), np.zeros(90), train=[range(30), range(30, 60)], validation=[[60], [61]], test=range(62, 90)
    )
    chosen = [tsne.choose(spec(split="train", images=images), made).tolist() for images in (10, 20, 30, 2000)]
    assert [len(indices) for indices in chosen] == [10, 20, 30, 30]
    assert all(set(small) < set(large) for small, large in pairwise(chosen[:3]))
    assert chosen[3] == list(range(30, 60))  # seed 1: the second resample
    assert tsne.choose(spec(split="train", images=10, seed=1), made).tolist() != chosen[0]
    assert tsne.choose(spec(), made).tolist() == list(range(62, 90))


@pytest.mark.parametrize(
    ("vectors", "images", "line"),
    [
        (np.eye(40, 3), 2000, "perplexity: 30 needs 90 points, three times as many, and there are 40 test images; low"),
        (np.eye(200, 3), 50, "perplexity: 30 needs 90 points, three times as many, and there are 50 test images; low"),
        (np.eye(10, 3), 2000, "there are 10 test images; take more images or another split"),
        (np.full((100, 3), np.nan), 2000, "params.yaml: its vectors are not finite: the encoder diverged; remove the"),
        (np.ones((100, 3)), 2000, "100 images have 1 different vectors, and a map needs 90 different ones"),
        (np.arange(100.0)[:, None], 2000, "100 images have vectors of one number"),
    ],
)
def test_what_has_no_map_is_refused_in_one_line(vectors: Any, images: int, line: str) -> None:
    made = embedding(vectors, np.arange(len(vectors)) % 3)
    with pytest.raises(ParamError) as refused:
        tsne.draw(spec(perplexity=30.0, images=images), made)
    assert len(refused.value.lines) == 1
    assert line in refused.value.lines[0]


def test_vectors_of_any_magnitude_have_the_same_map() -> None:
    made = blobs()
    small, large = (tsne.draw(spec(), embedding(made.vectors * factor, made.labels)) for factor in (2.0**-60, 2.0**60))
    assert np.array_equal(positions(small), positions(large))


def test_a_class_without_points_has_no_silhouette() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 30  # of 31 classes: the last has no points
    drawn = tsne.draw(spec(), embedding(rng.normal(size=(90, 4)), labels, tuple(f"${n}" for n in range(31))))
    assert drawn.facts.classes[30] == maps.Class(name="$30", points=0, embedding=None, map=None)
    assert all(part.points == 3 and part.map is not None for part in drawn.facts.classes[:30])


def test_the_stage_leaves_the_map_of_its_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path("data/embeddings/mine-made")
    folder.mkdir(parents=True)
    made = replace(blobs(), test=np.arange(2, 120))
    embeddings.save(made, folder)
    entry = {"report_id": "A5", "perplexity": 8.0, "iterations": 300, "images": 60}
    Path("params.yaml").write_text(yaml.safe_dump({"maps": {"mine-made": entry}}))
    stage.main("mine-made")
    found, expected = maps.load(Path("data/results/tsne/mine-made")), tsne.draw(spec(images=60), made)
    assert found.facts == expected.facts
    assert (found.facts.points, found.facts.seed, found.facts.encoder) == (60, 0, embedded(seed=1))
    assert found.points["index"].tolist() == tsne.choose(spec(images=60), made).tolist()
    assert positions(found) == pytest.approx(positions(expected), rel=1e-5)
