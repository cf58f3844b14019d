"""What all probes share: one signature, and outputs that say what a plain computation says."""

from inspect import get_annotations, signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from probeline.pipeline import params
from probeline.pipeline.params import module
from probeline.probes._data import Fitted, ProbeData
from probeline.results.probes import PROBES, Probe
from tests.conftest import ROOT
from tests.unit.encoders.made import GRADIENT
from tests.unit.probes.made import clouds, probe_data

NAMES = sorted(path.stem for path in (ROOT / "src/probeline/probes").glob("[!_]*.py"))
OPTIONS: dict[str, dict[str, Any]] = {"gradient": GRADIENT, "knn": {"neighbors": [1, 5]}, "logistic": {"l2": [0.1, 1]}}
SPLITS = ("train", "validation", "test")


@pytest.fixture
def data(tmp_path: Path) -> ProbeData:
    """Three classes that overlap: 60 training, 30 validation and 45 test vectors."""
    train, validation, test = (clouds(n, 8, 3, seed) for seed, n in enumerate((60, 30, 45)))
    return probe_data(train, validation, test, 3, tmp_path)


def fitted(name: str, data: ProbeData) -> Fitted:
    found = module("probes", name)
    options = {"name": name, **OPTIONS[name]}
    if name == "logistic":
        options["l2"] = [float(l2) for l2 in options["l2"]]
    result: Fitted = found.fit(found.Spec.model_validate(options), data)
    return result


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_is_a_specification_and_one_function(name: str) -> None:
    found = module("probes", name)
    assert issubclass(found.Spec, params.Spec)
    assert found.Spec.model_fields["name"].default == name
    assert list(signature(found.fit).parameters) == ["spec", "data"]
    types = get_annotations(found.fit)
    assert types == {"spec": found.Spec, "data": ProbeData, "return": Fitted}


def test_the_order_of_tables_names_every_probe() -> None:
    assert sorted(PROBES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_outputs_have_the_documented_shapes_and_types(name: str, data: ProbeData) -> None:
    found = fitted(name, data).outputs
    sizes = {"train": 60, "validation": 30, "test": 45}
    trained = name != "knn"
    assert found.kind == ("logits" if trained else "votes")
    assert set(found.predicted) == ({*SPLITS} if trained else {"validation", "test"})
    assert set(found.scores) == {"validation", "test"}
    assert set(found.losses) == ({"train"} if trained else set())
    for split, predicted in found.predicted.items():
        assert predicted.shape == (sizes[split],)
        assert predicted.dtype == np.int64
    for split, scores in found.scores.items():
        assert scores.shape == (sizes[split], 3)
        assert scores.dtype == np.float32
        if trained:
            np.testing.assert_array_equal(scores.argmax(1), found.predicted[split])
    for losses in found.losses.values():
        assert losses.shape == (60,)
        assert losses.dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_what_was_chosen_is_the_best_row_and_its_outputs_have_its_accuracy(name: str, data: ProbeData) -> None:
    found = fitted(name, data)
    assert isinstance(found.record, Probe)
    assert found.record.chosen in found.record.rows
    right = found.outputs.predicted["validation"] == data.of("validation")[1]
    assert right.mean() == pytest.approx(found.record.chosen["validation_accuracy"])
    assert 0.4 < right.mean() < 1  # neither chance nor trivial


@pytest.mark.parametrize("name", ["gradient", "logistic"])
def test_a_linear_probe_says_what_its_head_says(name: str, data: ProbeData) -> None:
    found = fitted(name, data)
    assert found.head is not None
    weight, bias = (torch.as_tensor(found.head[key]).float() for key in ("weight", "bias"))
    assert weight.shape == (3, 8)
    assert bias.shape == (3,)
    for split in SPLITS:
        vectors, labels = data.of(split)
        logits = torch.from_numpy(vectors) @ weight.T + bias
        losses = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels), reduction="none").numpy()
        np.testing.assert_array_equal(found.outputs.predicted[split], logits.argmax(1).numpy())
        assert found.record.losses[split] == pytest.approx(losses.mean(), rel=1e-4)
        if split == "train":
            np.testing.assert_allclose(found.outputs.losses[split], losses, rtol=1e-3, atol=1e-4)
        else:
            np.testing.assert_allclose(found.outputs.scores[split], logits.numpy(), rtol=1e-3, atol=1e-3)


def test_neighbors_say_what_scikit_learn_says_and_are_no_head(data: ProbeData) -> None:
    found = fitted("knn", data)
    assert found.head is None
    assert found.record.losses == {}
    train, labels = data.of("train")
    k = int(found.record.chosen["neighbors"])
    plain = KNeighborsClassifier(k, metric="cosine", algorithm="brute").fit(train.astype(float), labels)
    for split in ("validation", "test"):
        shares = plain.predict_proba(data.of(split)[0].astype(float))
        np.testing.assert_allclose(found.outputs.scores[split], shares * k, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_probe_again_gives_the_same_bits(name: str, data: ProbeData) -> None:
    one, two = fitted(name, data), fitted(name, data)
    assert one.record == two.record
    for split, scores in one.outputs.scores.items():
        assert scores.tobytes() == two.outputs.scores[split].tobytes()


def test_a_probe_reads_its_own_resample(data: ProbeData) -> None:
    found = data.embedding
    for split, indices in (("train", found.train[0]), ("validation", found.validation[0]), ("test", found.test)):
        vectors, labels = data.of(split)
        np.testing.assert_array_equal(vectors, found.vectors[indices])
        np.testing.assert_array_equal(labels, found.labels[indices])
    assert data.classes == 3
