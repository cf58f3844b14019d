"""An entry of `probes`: its keys are the names of files, two of which come by themselves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import probeline.probes
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.probes import knn, logistic
from probeline.probes._run import fit
from probeline.probes._spec import Probes
from tests.conftest import ROOT
from tests.unit.encoders.made import GRADIENT
from tests.unit.probes.made import clouds, probe_data

# The nearest class mean: a whole probe, as a user would write it.
CENTROIDS = '''"""The nearest class mean."""

from typing import Literal

import numpy as np

from probeline.pipeline import params
from probeline.probes._data import Fitted, ProbeData
from probeline.results.outputs import Outputs
from probeline.results.probes import Probe


class Spec(params.Spec):
    """`centroids: {power: 2}`."""

    name: Literal["centroids"] = "centroids"
    power: int = 2


def fit(spec: Spec, data: ProbeData) -> Fitted:
    vectors, labels = data.of("train")
    means = np.stack([vectors[labels == label].mean(axis=0) for label in range(data.classes)])
    predicted = {}
    for split in ("validation", "test"):
        apart = np.abs(data.of(split)[0][:, None] - means) ** spec.power
        predicted[split] = apart.sum(axis=2).argmin(axis=1)
    right = (predicted["validation"] == data.of("validation")[1]).mean()
    row = {"power": spec.power, "validation_accuracy": float(right)}
    return Fitted(Probe(chosen=row, rows=[row]), Outputs("votes", predicted))
'''


def probes(**keys: Any) -> Probes:
    return params.validate("probes.mine-made", {"report_id": "A6"} | keys, Probes)


@pytest.fixture
def _with_centroids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the library's probes with one file more."""
    folder = tmp_path / "probes"
    folder.mkdir()
    for path in (ROOT / "src/probeline/probes").glob("*.py"):
        (folder / path.name).symlink_to(path)
    (folder / "centroids.py").write_text(CENTROIDS)
    monkeypatch.setattr(params, "__file__", str(tmp_path / "pipeline/params.py"))
    monkeypatch.setattr(probeline.probes, "__path__", [*probeline.probes.__path__, str(folder)])


def test_logistic_regression_and_neighbors_come_by_themselves() -> None:
    assert probes().probes == {"logistic": logistic.Spec(), "knn": knn.Spec()}
    assert probes().report_id == "A6"


def test_every_other_key_is_a_probe_with_its_options() -> None:
    found = probes(gradient=GRADIENT, knn={"neighbors": [3]}).probes
    assert list(found) == ["logistic", "knn", "gradient"]
    assert found["knn"] == knn.Spec(neighbors=[3])
    assert found["gradient"].batch_size == 8


def test_null_leaves_a_probe_out() -> None:
    assert list(probes(knn=None).probes) == ["logistic"]
    assert list(probes(logistic=None, gradient=GRADIENT, knn=None).probes) == ["gradient"]


def test_the_whole_entry_determines_the_checkpoint() -> None:
    """What is dumped goes into its name."""
    assert probes().model_dump() != probes(knn={"neighbors": [3]}).model_dump()
    assert probes(gradient=GRADIENT).model_dump() != probes(gradient=GRADIENT | {"epochs": 7}).model_dump()


@pytest.mark.usefixtures("_with_centroids")
def test_a_file_of_the_users_own_is_a_probe() -> None:
    spec = probes(centroids={"power": 1}, logistic=None, knn=None)
    train, test = clouds(60, 8, 3), clouds(30, 8, 3, seed=1)
    data = probe_data(train, test, test, 3)
    found = fit(spec, data)
    assert list(found) == ["centroids"]
    assert found["centroids"].record.chosen["power"] == 1
    means = np.stack([train[0][train[1] == label].mean(axis=0) for label in range(3)])
    expected = [int(np.abs(vector - means).sum(axis=1).argmin()) for vector in test[0]]
    assert found["centroids"].outputs.predicted["test"].tolist() == expected
    with pytest.raises(UserError, match=r"probes.mine-made.centroids: unknown key 'pow'; did you mean 'power'\?$"):
        probes(centroids={"pow": 1})


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"nearest": {}}, "params.yaml: probes.mine-made: unknown key 'nearest'; "),
        ({"k-nn": {}}, "params.yaml: probes.mine-made: unknown key 'k-nn'; did you mean 'knn'? (or a file in src/"),
        ({"_spec": {}}, "params.yaml: probes.mine-made: unknown key '_spec'; "),
        ({"knn": 5}, "params.yaml: probes.mine-made: knn: is 5; write its options below its name, as in `knn: {neigh"),
        ({"knn": {"neighbours": [1]}}, "params.yaml: probes.mine-made.knn: unknown key 'neighbours'; did you mean 'ne"),
        ({"knn": {"neighbors": [0]}}, "params.yaml: probes.mine-made.knn.neighbors.0: should be greater than or equal"),
        ({"knn": [1, 3]}, "params.yaml: probes.mine-made: knn: is [1, 3]; write its options below its name, as in"),
        ({"gradient": True}, "params.yaml: probes.mine-made: gradient: is True; write its options below its name, as"),
        (
            {"knn": {"name": "logistic"}},
            "params.yaml: probes.mine-made: knn.name: the key says already which probe it ",
        ),
        ({"logistic": {"l2": [1.0, 1.0]}}, "params.yaml: probes.mine-made.logistic.l2: names 1.0 twice; name each onc"),
        ({"logistic": {"l2": []}}, "params.yaml: probes.mine-made.logistic.l2: is empty; give at least one"),
        ({"gradient": GRADIENT | {"epochs": 0}}, "params.yaml: probes.mine-made.gradient.epochs: should be greater"),
        ({"knn": None, "logistic": None}, "params.yaml: probes.mine-made: is empty; give at least one"),
        ({"report_id": None}, "params.yaml: probes.mine-made.report_id: should be a valid string, not None"),
        ({"report_id": "A 6"}, "params.yaml: probes.mine-made.report_id: is 'A 6' and goes into the name of a file"),
    ],
)
def test_a_mistake_is_told_with_its_key(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as error:
        probes(**keys)
    assert len(error.value.lines) == 1
    assert error.value.lines[0].startswith(line)
    assert "(probes)" not in error.value.lines[0]


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({}, "report_id: is missing; add it"),
        ([1], "is not a mapping"),
        ({"report": "A6"}, "probes.mine-made: unknown key 'report'; did you mean 'report_id'?"),
    ],
)
def test_an_entry_is_a_mapping_with_a_report_id(data: Any, line: str) -> None:
    with pytest.raises(UserError) as error:
        params.validate("probes.mine-made", data, Probes)
    (found,) = error.value.lines
    assert line in found
