"""A run from its job to its files."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from probeline.pipeline.errors import ParamError, UserError, at
from probeline.results import outputs, runs
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training import model, seeds, seen
from probeline.training.evaluation import evaluate
from probeline.training.job import Job
from probeline.training.run import carry_out
from probeline.training.seen import Seen
from probeline.training.start import Fresh
from tests.conftest import ROOT
from tests.unit.training.made import AUGMENT, CONVNET, EXPLODES, HALF, TRIPLET, Killed, on_device, spec

RUN = spec(seeds=2, model=CONVNET, normalize=HALF, augment=AUGMENT, optimizer={"name": "sgd", "lr": 0.02})
RESULTS, MODELS = Path("data/results/train/mine"), Path("data/models/mine")


@pytest.fixture(autouse=True)
def _project(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the task `made`."""
    monkeypatch.chdir(tmp_path)
    folder = Path("data/tasks/made")
    folder.mkdir(parents=True)
    tasks.save(task, folder)


def run(entry: Any = RUN, **changes: Any) -> dict[str, Any]:
    return carry_out("train", "mine", replace(Job.of(entry), **changes))


def content() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in (RESULTS, MODELS) for path in folder.rglob("*")}


def test_a_run_leaves_all_that_was_measured(task: Task) -> None:
    facts = run()
    assert facts["threads"] == torch.get_num_threads()
    assert facts["images_per_second"] > 0
    assert sorted(path.name for path in RESULTS.iterdir()) == [
        "augmented.npy", "layers.txt", "run.json", "seed-0.npz", "seed-1.npz",
    ]  # fmt: skip
    found = runs.Run.load(RESULTS / runs.FILE)
    facts = {key: getattr(found, key) for key in ("report_id", "task", "dataset", "model", "objective", "start")}
    assert facts == {
        "report_id": "D1", "task": "made", "dataset": "made", "model": "convnet", "objective": "cross_entropy",
        "start": None,
    }  # fmt: skip
    assert found.images == {"train": 30, "validation": 10, "test": 15}
    assert found.classes == ["dark", "grey", "bright"]
    network = model.load(MODELS).build((1, 4, 4), 3)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    for seed in found.seeds:
        assert (seed.resample, seed.kept_step, seed.last_step, seed.diverged_at) == (seed.seed % 2, 12, 12, None)
        assert [row.step for row in seed.history] == [4, 8, 12]
        network.load_state_dict(model.load_weights(MODELS, seed.seed))
        measured = outputs.load(runs.outputs(RESULTS, seed.seed))
        for split in ("train", "validation", "test"):
            score = evaluate(network, on_device(task, RUN, seed.resample), split, RUN)
            assert seed.losses[split] == pytest.approx(score.loss, rel=1e-6)
            assert score.predicted is not None
            assert measured.predicted[split].tolist() == score.predicted.tolist()
        assert seed.history[-1].validation_loss == pytest.approx(seed.losses["validation"], rel=1e-6)
    assert np.load(RESULTS / "augmented.npy").shape == (2, 8, 4, 4, 1)
    assert f"Total params: {found.parameters}" in (RESULTS / "layers.txt").read_text()


def test_a_run_leaves_its_model_with_the_digests_of_its_code(task: Task) -> None:
    run()
    about = model.load(MODELS)
    assert (about.shape, about.outputs, about.task, about.dataset) == ((1, 4, 4), 3, "made", "made")
    assert (about.seeds, about.normalize, about.model) == ([0, 1], RUN.normalize, RUN.model.model_dump())
    assert set(about.code) == {f"src/probeline/models/{name}.py" for name in ("_contract", "_parts", "convnet")}
    for path, digest in about.code.items():
        assert digest == hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
    for seed in (0, 1):
        assert seen.load(MODELS, seed)["made"].tolist() == sorted(task.digests[task.train[seed]])


def test_two_runs_of_the_same_thing_are_equal_bytes() -> None:
    run()
    first = content()
    run()
    assert content() == first
    run(spec(seeds=2, model=CONVNET))
    changed = content()
    assert str(RESULTS / "augmented.npy") not in changed  # what the last run left is gone
    assert changed[str(RESULTS / "run.json")] != first[str(RESULTS / "run.json")]


def test_a_seed_that_diverged_leaves_no_outputs() -> None:
    run(spec(seeds=2, **EXPLODES, may_diverge=True))
    found = runs.Run.load(RESULTS / runs.FILE)
    assert all(seed.diverged_at in {2, 3} and seed.losses == {} for seed in found.seeds)
    assert found.seeds[0].history[-1].train_loss is None
    assert not list(RESULTS.glob("*.npz"))
    assert len(list(MODELS.glob("*.pt"))) == 2


def test_an_embedding_leaves_losses_alone() -> None:
    run(spec(**TRIPLET, batch_size=10))
    found = outputs.load(RESULTS / "seed-0.npz")
    assert (found.kind, found.predicted, found.scores) == ("losses", {}, {})
    assert {split: len(losses) for split, losses in found.losses.items()} == {"train": 30, "validation": 10, "test": 15}
    assert model.load(MODELS).outputs is None
    record = runs.Run.load(RESULTS / runs.FILE)
    assert record.seeds[0].losses["test"] == pytest.approx(np.nanmean(found.losses["test"]), rel=1e-5)


def test_a_run_that_fails_leaves_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    run()
    first = content()
    with pytest.raises(ParamError, match=r"params.yaml: train.mine: diverged: the loss of seed 0"), at("train.mine"):
        run(spec(**EXPLODES))
    assert content() == first

    def killed(*_: Any) -> None:
        raise Killed

    before = set(Path(".checkpoints").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(seeds, "measure", killed)
        with pytest.raises(Killed):
            run()
    assert content() == first
    (left,) = set(Path(".checkpoints").iterdir()) - before
    assert (left / "seed-0.pt").exists()
    run()
    assert content() == first
    assert not left.exists()


class Trained(Fresh):
    """A start from weights that have seen the task's test images."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def seen(self, seed: int) -> Seen:  # noqa: ARG002 (of all seeds)
        return self._seen


def test_weights_that_saw_the_test_images_are_refused(task: Task) -> None:
    with pytest.raises(ParamError, match=r"the weights that it starts from were trained on 4 of the 15 test images"):
        run(start=Trained({"made": task.digests[task.test[:4]]}))
    assert not RESULTS.exists()
    run(start=Trained({"another": task.digests[task.train[0]]}))
    assert set(seen.load(MODELS, 0)) == {"another", "made"}


def test_an_augmentation_that_cannot_work_is_refused_first() -> None:
    with pytest.raises(ParamError) as error:
        run(spec(augment=[{"name": "gaussian_blur", "kernel_size": 9}]))
    assert error.value.key == "augment"
    assert not Path(".checkpoints").exists()


def test_a_task_that_is_missing_names_its_stage() -> None:
    with pytest.raises(
        UserError, match=r"data/tasks/gone/task.json: is missing or damaged; run: dvc repro --force split@gone"
    ):
        run(task="gone")
