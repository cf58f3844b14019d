"""probe@encoder, from its entry in params.yaml to its results and its heads."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from probeline.encoders import embedding
from probeline.pipeline import checkpoint
from probeline.pipeline.errors import ParamError
from probeline.probes import _run, knn
from probeline.probes._heads import load_heads
from probeline.results import outputs, probes
from probeline.tasks.task import Task
from tests.unit.encoders.made import GRADIENT, embedded, probed

HERE = Path("data/results/probe/mine-made")


@pytest.mark.usefixtures("project")
def test_all_probes_of_an_encoder_on_every_resample() -> None:
    found = embedded()
    record = probed()
    assert record.encoder == found.facts
    assert record.classes == list(found.classes)
    assert (record.report_id, record.objective) == ("E1", "cross_entropy")
    assert record.images == {"train": 30, "validation": 10, "test": 15}
    assert [list(resample) for resample in record.resamples] == [["logistic", "knn", "gradient"]] * 2
    for number, resample in enumerate(record.resamples):
        for name, one in resample.items():
            measured = outputs.load(probes.outputs(HERE, number, name))
            right = measured.predicted["validation"] == found.labels[found.validation[number]]
            assert right.mean() == pytest.approx(one.chosen["validation_accuracy"])
            assert len(measured.predicted["test"]) == 15
            assert (Path("data/probes/mine-made") / f"resample-{number}.{name}.pt").exists() == (name != "knn")
    # The heads that are kept say what the outputs say.
    heads = load_heads(Path("data/probes/mine-made"))
    assert (heads.resamples, heads.embedded) == (2, found.facts)
    for number in range(2):
        for name in ("logistic", "gradient"):
            head = heads.weights(name, number)
            assert head is not None
            logits = torch.from_numpy(found.vectors[found.test]) @ head["weight"].T + head["bias"]
            measured = outputs.load(probes.outputs(HERE, number, name))
            np.testing.assert_array_equal(logits.argmax(1).numpy(), measured.predicted["test"])
            np.testing.assert_allclose(measured.scores["test"], logits.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("project")
def test_probing_twice_gives_the_same_bytes() -> None:
    embedded()
    probed()
    files = sorted([*HERE.iterdir(), *Path("data/probes/mine-made").iterdir()])
    first = [path.read_bytes() for path in files]
    probed()
    assert [path.read_bytes() for path in files] == first
    assert Path(".checkpoints").exists()
    assert not [path for path in Path(".checkpoints").iterdir() if path.is_dir()]  # of a probe that is done


@pytest.mark.usefixtures("project")
def test_probes_that_are_left_out_leave_nothing_and_have_no_objective() -> None:
    embedded()
    record = probed(gradient=None, knn=None)
    assert record.objective is None
    assert [list(resample) for resample in record.resamples] == [["logistic"]] * 2
    assert sorted(path.name for path in HERE.iterdir()) == [
        "probe.json", "resample-0.logistic.npz", "resample-1.logistic.npz",
    ]  # fmt: skip


@pytest.mark.usefixtures("project")
def test_one_line_is_told_for_each_resample(capsys: pytest.CaptureFixture[str]) -> None:
    found = embedded()
    capsys.readouterr()
    probed(gradient=None, logistic=None)
    lines = capsys.readouterr().out.splitlines()
    right = [
        (outputs.load(probes.outputs(HERE, number, "knn")).predicted["test"] == found.labels[found.test]).mean()
        for number in range(2)
    ]
    assert [line.partition(": ")[0] for line in lines] == ["mine-made resample 0", "mine-made resample 1"]
    for line, share in zip(lines, right, strict=True):
        assert line.endswith(f"test {share:.4f}")


@pytest.mark.usefixtures("project")
def test_a_probe_on_one_class_is_one_line(task: Task) -> None:
    found = embedded()
    labels = found.labels.copy()
    labels[task.train[0]] = 1
    embedding.save(replace(found, labels=labels), Path("data/embeddings/mine-made"))
    with pytest.raises(ParamError) as error:
        probed()
    assert error.value.what.startswith("all 30 training images are of class 'grey', and a probe needs two classes")
    assert error.value.remedy == "give the task more images"
    assert not HERE.exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_vectors_that_are_not_finite_are_one_line_whatever_the_probe(split: str) -> None:
    found = embedded()
    vectors = found.vectors.copy()
    vectors[found.indices(1)[split][0], 0] = np.nan
    embedding.save(replace(found, vectors=vectors), Path("data/embeddings/mine-made"))
    with pytest.raises(ParamError) as error:
        probed()
    assert error.value.lines == (
        f"params.yaml: its {split} vectors hold inf or nan: their encoder diverged; embed another",
    )


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"knn": {"neighbors": [50]}}, "params.yaml: knn.neighbors: 50 is more than the 30 training images; give few"),
        (
            {"gradient": GRADIENT | {"grid": {"lr": [1e30]}, "optimizer": {"name": "sgd", "lr": 1.0}}},
            "params.yaml: gradient: diverged at every point; lower its learning rate",
        ),
    ],
)
def test_a_probe_that_cannot_be_fitted_is_told_with_its_name(changes: dict[str, Any], line: str) -> None:
    embedded()
    with pytest.raises(ParamError) as error:
        probed(**changes)
    assert error.value.lines[0].startswith(line)


@pytest.mark.usefixtures("project")
def test_checkpoints_are_of_one_entry_and_one_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, marks = checkpoint.fingerprint, []

    def marked(*arguments: Any) -> str:
        marks.append(plain(*arguments))
        return marks[-1]

    monkeypatch.setattr(checkpoint, "fingerprint", marked)
    monkeypatch.setattr(_run, "fit", lambda spec, data: {"knn": knn.fit(spec.probes["knn"], data)})  # the quick one
    monkeypatch.setattr(_run, "tell", lambda *_: None)
    embedded()
    probed()
    probed(knn={"neighbors": [5]})
    embedded(weights="initial")
    probed()
    embedded()
    probed()
    assert len(set(marks)) == 3
    assert marks[0] == marks[3]
