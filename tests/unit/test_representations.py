"""Encoders, gradient probes and fine-tuning: each against the network it comes from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn

from probeline import embedding, encoder, finetune, probe_summary, seen
from probeline import task as tasks
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import module
from probeline.probes import gradient
from probeline.task import Task
from probeline.training import checkpoint, data, engine, seeds
from probeline.training.checkpoint import Checkpoint
from probeline.training.data import DeviceVectors, Resize, of_draw, to_device
from probeline.training.evaluation import evaluate
from probeline.training.forward import train_mode
from probeline.training.frozen import Frozen
from probeline.training.run import carry_out
from probeline.training.spec import Images, Normalise, Run
from stages import embed, probe
from stages import finetune as finetuning

CPU = torch.device("cpu")
MODEL = {"name": "convnet", "channels": [4, 6], "kernel": 3, "padding": 1, "batch_norm": True, "hidden": [5]}
RECIPE = {
    "objective": {"name": "cross_entropy"}, "optimizer": {"name": "adam", "lr": 0.01}, "batch_size": 8, "epochs": 2,
    "evaluate_every": 1,
}  # fmt: skip
RUN = RECIPE | {
    "experiment": "B4", "task": "made", "seeds": [0, 1], "model": MODEL, "normalise": {"mean": [0.4], "std": [0.3]},
}  # fmt: skip
ENCODER = {"source": "mine", "weights": "trained", "seed": 0, "task": "made"}
FINETUNE = RECIPE | {
    "experiment": "E3", "encoder": "mine-made", "head": "gradient", "source": "mine", "task": "made", "seeds": [0, 1],
    "trainable": {"last": 2},
}  # fmt: skip


@pytest.fixture
def task(task: Task) -> Task:
    return replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8)))  # 8x8


@pytest.fixture
def project(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a task and a trained run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/tasks/made"
    folder.mkdir(parents=True)
    tasks.save(task, folder)
    carry_out("train", "mine", Run.model_validate(RUN))
    return tmp_path


def write_params(**sections: Any) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(sections))


def embedded(name: str = "mine-made", **changes: Any) -> embedding.Embedding:
    write_params(encoders={name: ENCODER | changes})
    embed.main(name)
    return embedding.load(Path("data/embeddings") / name)


def network(project: Path, seed: int = 0) -> nn.Module:
    facts = json.loads((project / "data/models/mine/model.json").read_text())
    torch.manual_seed(seed)
    spec = module("models", facts["model"]["name"]).Spec.model_validate(facts["model"])
    built: nn.Module = spec.build(tuple(facts["shape"]), facts["outputs"])
    return built.eval()


def pixels(task: Task) -> Tensor:
    raw = torch.from_numpy(np.array(task.images)).permute(0, 3, 1, 2).float() / 255
    return (raw - 0.4) / 0.3


def test_vectors_are_what_the_head_of_the_network_gets(project: Path, task: Task) -> None:
    found = embedded(seed=1)
    whole = network(project)
    whole.load_state_dict(torch.load(project / "data/models/mine/seed-1.pt", weights_only=True))
    with torch.no_grad():
        logits = whole(pixels(task))
        assert torch.allclose(whole.get_submodule("head")(torch.from_numpy(found.vectors)), logits, atol=1e-5)
    assert found.vectors.dtype == np.float32
    assert found.labels.tolist() == task.labels.tolist()
    assert found.train.tolist() == task.train.tolist()
    # Draw 1 of the task, that of seed 1, was trained on; of draw 0's 30 images 25 are in it too.
    assert found.facts["seen"] == {"train": 30, "validation": 0, "test": 0}


def test_initial_weights_are_those_before_the_training(project: Path, task: Task) -> None:
    found = embedded(weights="initial")
    with torch.no_grad():
        expected = network(project)[:-1](pixels(task))  # type: ignore[index]
    assert np.allclose(found.vectors, expected.numpy(), atol=1e-6)
    assert found.facts["seen"] == {"train": 0, "validation": 0, "test": 0}
    assert not np.allclose(found.vectors, embedded(weights="trained").vectors, atol=1e-3)


@pytest.mark.usefixtures("project")
def test_embedding_twice_gives_the_same_bytes() -> None:
    embedded()
    files = sorted(Path("data/embeddings/mine-made").iterdir())
    first = [path.read_bytes() for path in files]
    embedded()
    assert [path.read_bytes() for path in files] == first


def test_test_images_that_were_trained_on_are_refused(project: Path, task: Task) -> None:
    folder = project / "data/tasks/other"
    folder.mkdir()
    tasks.save(replace(task, train=task.test[None], test=task.train[0]), folder)
    with pytest.raises(UserError, match=r"encoders.mine-made: mine was trained on 30 of the test images of other"):
        embedded(task="other")
    tasks.save(replace(task, dataset="another", train=task.test[None], test=task.train[0]), folder)
    assert embedded(task="other").facts["seen"]["test"] == 0


def test_seen_images_are_handed_on(task: Task, tmp_path: Path) -> None:
    first = seen.in_training(task, 0, {})
    assert first["made"].tolist() == sorted(task.origin[task.train[0]])
    second = seen.in_training(task, 1, {**first, "photos": np.array([3])})
    assert second["made"].tolist() == sorted(set(task.origin[task.train[0]]) | set(task.origin[task.train[1]]))
    seen.save(second, tmp_path, 4)
    back = seen.load(tmp_path, 4)
    assert {name: images.tolist() for name, images in back.items()} == {
        name: images.tolist() for name, images in second.items()
    }
    assert seen.load(tmp_path, 5) == {}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": 7}, "params.yaml: encoders.mine-made.seed: mine has no seed 7; it has 0, 1"),
        (
            {"task": "small"},
            "mine reads images of 8x8 and those of small are 4x4; embed a task of that size, or set re",
        ),
        ({"task": "colour"}, "mine reads images of 1 channel(s) and colour has 3; embed a task with 1"),
        (
            {"task": "wide", "resize": 8},
            "the images of wide are 8x4, and only square ones are resized; give tasks.wide",
        ),
        ({"task": "gone"}, "data/tasks/gone: missing or damaged; run: dvc repro --force split@gone"),
        ({"source": "gone"}, "data/models/gone: missing or damaged"),
    ],
)
def test_what_does_not_fit_is_one_line(project: Path, task: Task, changes: dict[str, Any], line: str) -> None:
    for name, images in (
        ("small", task.images[:, ::2, ::2]),
        ("colour", np.repeat(task.images, 3, axis=3)),
        ("wide", task.images[:, :, ::2]),
    ):
        (project / "data/tasks" / name).mkdir()
        tasks.save(replace(task, images=images), project / "data/tasks" / name)
    with pytest.raises(UserError) as error:
        embedded(**changes)
    assert line in str(error.value)
    assert not Path("data/embeddings/mine-made").exists()


def test_images_of_another_size_are_resized(project: Path, task: Task) -> None:
    folder = project / "data/tasks/large"
    folder.mkdir()
    tasks.save(replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8))), folder)
    assert np.allclose(embedded(task="large", resize=8).vectors, embedded().vectors, atol=0.03)


def test_resizing_is_that_of_torchvision() -> None:
    from torchvision.transforms.v2 import functional

    images = torch.randint(0, 256, (3, 3, 12, 12), generator=torch.Generator().manual_seed(0)).float()
    for mode in ("bilinear", "bicubic"):
        for side in (8, 20):
            expected = functional.center_crop(
                functional.resize(images, [side, side], interpolation=functional.InterpolationMode(mode)), [6, 6]
            )
            found = Resize(side, 6, mode)(images)
            assert torch.allclose(found, expected.clamp(0, 255), atol=1e-3)


@pytest.mark.usefixtures("project")
def test_a_diverged_encoder_is_refused() -> None:
    path = Path("data/models/mine/seed-0.pt")
    weights = torch.load(path, weights_only=True)
    weights["features.fc1.weight"][0, 0] = torch.nan
    torch.save(weights, path)
    with pytest.raises(UserError, match="its vectors are not finite: that run diverged; embed another"):
        embedded()


GRID = RECIPE | {
    "seeds": [0, 1], "epochs": 6, "l2": {"strength": 1.0, "form": "per_image", "on": "last"},
    "early_stopping": {"metric": "loss", "patience": 2}, "grid": {"lr": [0.3, 0.01], "l2": [0.0, 5.0]},
}  # fmt: skip


def vectors(task: Task) -> DeviceVectors:
    flat = torch.from_numpy(np.array(task.images)).flatten(1).float() / 255
    return DeviceVectors(flat, torch.from_numpy(task.labels), data.splits_of(task, 0, CPU))


def test_a_gradient_probe_is_a_plain_loop_and_validation_chooses(task: Task, tmp_path: Path) -> None:
    spec = gradient.Spec.model_validate(GRID)
    found = gradient.probe(spec, vectors(task), 3, "probe", tmp_path)
    assert found is not None
    assert [(row["lr"], row["l2"], row["seed"]) for row in found.rows] == [
        (lr, l2, seed) for lr in (0.3, 0.01) for l2 in (0.0, 5.0) for seed in (0, 1)
    ]
    losses = [row["validation_loss"] for row in found.rows]
    assert found.chosen == found.rows[losses.index(min(losses))]
    assert len(set(losses)) == len(losses)
    # The chosen point once more, without the engine: report E's loss, by automatic differentiation.
    held, chosen = vectors(task), found.chosen
    torch.manual_seed(chosen["seed"])
    layer = nn.Linear(64, 3)
    optimizer = torch.optim.Adam(layer.parameters(), lr=chosen["lr"])
    train, step = held.splits["train"], 0
    for epoch in range(6):
        for rows in torch.split(train[engine.epoch_order(chosen["seed"], epoch, len(train))], 8):
            if step == chosen["kept_step"]:
                break
            loss = nn.functional.cross_entropy(layer(held.vectors[rows]), held.labels[rows])
            loss = loss + chosen["l2"] / len(train) * layer.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    assert torch.allclose(layer.weight, found.layer.weight, atol=1e-5)
    assert torch.allclose(layer.bias, found.layer.bias, atol=1e-5)


def test_a_gradient_probe_whose_points_all_diverge(task: Task, tmp_path: Path) -> None:
    wild = GRID | {"grid": {"lr": [1e30]}, "optimizer": {"name": "sgd", "lr": 1.0}}
    assert gradient.probe(gradient.Spec.model_validate(wild), vectors(task), 3, "probe", tmp_path) is None


def test_a_gradient_probe_that_memory_is_too_small_for_is_one_line(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4398046511104 bytes")

    monkeypatch.setattr(gradient, "fit", full)
    with pytest.raises(UserError, match=r"^params.yaml: probes.a.gradient: this machine's memory is too small"):
        gradient.probe(gradient.Spec.model_validate(GRID), vectors(task), 3, "probes.a.gradient", tmp_path)


def test_the_accuracy_of_a_source_is_that_of_the_seed_that_was_embedded() -> None:
    scores = [{"loss": 1.0, "accuracy": accuracy} for accuracy in (0.5, 0.75)]
    seed = {
        "draw": 0, "kept_step": 1, "last_step": 1, "stopped_early": False, "left_out": 0, "confusion": None,
        "diverged_at": None,
    }  # fmt: skip
    keys = ("experiment", "task", "dataset", "model", "objective", "parameters", "images", "transfer", "classes")
    run = dict.fromkeys(keys) | {
        "seeds": [
            seed | {"seed": number, "scores": dict.fromkeys(("train", "validation", "test"), score)}
            for number, score in enumerate(scores)
        ]
    }
    record = {"weights": "trained", "source": "mine", "seed": 1, "top1": None}
    assert probe_summary.source_accuracy(record, {"mine": run}) == 0.75
    run["seeds"][0] |= {"scores": {}, "diverged_at": 1}  # type: ignore[index]
    assert probe_summary.source_accuracy(record, {"mine": run}) == 0.75


def test_a_gradient_probe_needs_no_leave_to_diverge() -> None:
    with pytest.raises(ValueError, match=r"may_diverge: a point that diverges is left out anyway"):
        gradient.Spec.model_validate(GRID | {"may_diverge": True})


def test_a_grid_of_strengths_needs_their_form() -> None:
    with pytest.raises(ValueError, match=r"grid.l2 needs the key l2, which says the form of the penalty"):
        gradient.Spec.model_validate({key: value for key, value in GRID.items() if key != "l2"})


def probed(**changes: Any) -> dict[str, Any]:
    """The record of the probes of `mine-made`."""
    entry = {"experiment": "E1", "gradient": GRID, "logistic": {"strengths": [0.1, 1.0]}, "knn": {"neighbours": [1, 3]}}
    write_params(probes={"mine-made": entry | changes})
    probe.main("mine-made")
    found: dict[str, Any] = json.loads(Path("data/results/probe/mine-made/probe.json").read_text())
    return found


@pytest.mark.usefixtures("project")
def test_all_probes_of_an_encoder_on_every_draw() -> None:
    embedded()
    record = probed()
    assert len(record["draws"]) == 2
    for number, draw in enumerate(record["draws"]):
        assert list(draw) == ["logistic", "knn", "gradient"]
        for name, found in draw.items():
            accuracy = found["scores"]["test"]["accuracy"]
            counts = np.array(found["confusion"])
            assert counts.sum() == 15
            assert np.trace(counts) / 15 == pytest.approx(accuracy)
            assert (Path("data/probes/mine-made") / f"draw-{number}.{name}.pt").exists() == (name != "knn")
    vectors = embedding.load(Path("data/embeddings/mine-made"))
    head = torch.load("data/probes/mine-made/draw-1.logistic.pt", weights_only=True)
    logits = torch.from_numpy(vectors.vectors[vectors.test]) @ head["weight"].T + head["bias"]
    right = (logits.argmax(1).numpy() == vectors.labels[vectors.test]).mean()
    assert right == pytest.approx(record["draws"][1]["logistic"]["scores"]["test"]["accuracy"])


@pytest.mark.usefixtures("project")
def test_a_probe_on_one_class_is_one_line(task: Task) -> None:
    embedded()
    labels = np.load("data/embeddings/mine-made/labels.npy")
    labels[task.train[0]] = 1
    np.save("data/embeddings/mine-made/labels.npy", labels)
    with pytest.raises(UserError, match=r"probes.mine-made: all 30 training images are of class 'grey'; a probe needs"):
        probed()


@pytest.mark.parametrize("head", ["gradient", "logistic"])
@pytest.mark.usefixtures("project")
def test_fine_tuning_starts_where_the_probe_ended(head: str) -> None:
    embedded()
    record = probed()
    write_params(finetune={"tuned": FINETUNE | {"head": head}})
    finetuning.main("tuned")
    run = json.loads(Path("data/results/finetune/tuned/run.json").read_text())
    for seed in run["seeds"]:
        first = seed["history"][0]
        scores = record["draws"][seed["draw"]][head]["scores"]["validation"]
        assert first["step"] == 0
        assert first["train_loss"] is None
        assert first["validation_loss"] == pytest.approx(scores["loss"], rel=1e-4)
        assert first["validation_accuracy"] == scores["accuracy"]
    before = torch.load("data/models/mine/seed-0.pt", weights_only=True)
    after = torch.load("data/models/tuned/seed-1.pt", weights_only=True)
    assert {name.rpartition(".")[0] for name in after if not after[name].equal(before[name])} == {
        "features.fc1",
        "head",
    }
    assert run["transfer"]["trained_parameters"] == 6 * 4 * 5 + 5 + 5 * 3 + 3
    # Images seen: those of the encoder (draw 0) and those of the fine-tuning (draw 1).
    assert len(seen.load(Path("data/models/tuned"), 1)["made"]) == 35


@pytest.mark.usefixtures("project")
def test_fine_tuning_that_gets_no_better_keeps_the_probe() -> None:
    embedded()
    probed()
    wild = FINETUNE | {"early_stopping": {"metric": "loss", "patience": 2}, "optimizer": {"name": "sgd", "lr": 30.0}}
    write_params(finetune={"tuned": wild | {"seeds": [0]}})
    finetuning.main("tuned")
    run = json.loads(Path("data/results/finetune/tuned/run.json").read_text())
    assert run["seeds"][0]["kept_step"] == 0
    head = torch.load("data/probes/mine-made/draw-0.gradient.pt", weights_only=True)
    kept = torch.load("data/models/tuned/seed-0.pt", weights_only=True)
    assert kept["head.weight"].equal(head["weight"])


@pytest.mark.usefixtures("project")
def test_fine_tuning_without_its_probe_is_one_line() -> None:
    spec = finetune.Spec.model_validate(FINETUNE)
    with pytest.raises(UserError, match="data/probes/mine-made: missing or damaged; run: dvc repro --force probe@mine"):
        finetune.Start(spec, "finetune.tuned")


@pytest.mark.usefixtures("project")
def test_frozen_layers_computed_once_train_to_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def tuned(shorten: Callable[..., Any] | None) -> dict[str, Tensor]:
        if shorten is not None:
            monkeypatch.setattr(Frozen, "shorten", shorten)
        changes = {"source": "mine", "load": ["features"], "new": ["head"], "trainable": {"last": 2}}
        write_params(transfer={"second": RUN | changes})
        from stages import transfer

        transfer.main("second")
        found: dict[str, Tensor] = torch.load("data/models/second/seed-1.pt", weights_only=True)
        return found

    fast = tuned(None)
    plain = tuned(lambda _, model, data, *__: (model, data))
    assert list(fast) == list(plain)
    for name, value in fast.items():
        assert torch.allclose(value.float(), plain[name].float(), atol=1e-5), name
    assert not fast["features.fc1.weight"].equal(
        torch.load("data/models/mine/seed-1.pt", weights_only=True)["features.fc1.weight"]
    )


def test_what_is_frozen_is_seen_once(task: Task) -> None:
    run = Run.model_validate(RUN)
    drawn = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    model = seeds.build(run, task, "train.mine")
    frozen = Frozen()
    assert frozen.shorten(model, drawn, run, "x") == (model, drawn)  # all of it trains
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("head"))
    rest, inner = frozen.shorten(model, drawn, run, "x")
    assert [type(layer) for layer in rest] == [nn.Linear]  # type: ignore[attr-defined]
    assert isinstance(inner, DeviceVectors)
    again = frozen.shorten(model, drawn, run, "x")[1]
    assert isinstance(again, DeviceVectors)
    assert again.vectors is inner.vectors
    augmented = run.model_copy(update={"augment": [object()]})
    assert frozen.shorten(model, drawn, augmented, "x") == (model, drawn)
    assert evaluate(rest, inner, "test", run).loss == pytest.approx(evaluate(model, drawn, "test", run).loss, rel=1e-5)


def test_a_model_that_takes_any_image_takes_the_task_as_it_is(task: Task) -> None:
    spec = encoder.Spec.model_validate(ENCODER | {"source": "pixels"})
    plan = encoder.Plan(
        model=module("models", "pixels").Spec(name="pixels"), shape=None, outputs=None, precision="float32",
        normalise=None, resize=None, interpolation="bilinear", dataset=None, seeds=[0], top1=None,
    )  # fmt: skip
    assert encoder.view(plan, spec, task, "encoders.x") is None
    trunk = encoder.network(plan, spec.model_copy(update={"weights": "initial"}), (1, 8, 8), Path("none"), "encoders.x")
    found = encoder.embed(trunk, plan, task, None, "encoders.x", CPU)
    assert np.allclose(found, task.images.reshape(60, -1) / 255)


def test_a_backbone_sees_the_centre_of_the_size_it_was_published_for(task: Task) -> None:
    spec = encoder.Spec.model_validate(ENCODER)
    plan = encoder.Plan(
        model=None, shape=(1, 6, 6), outputs=10, precision="float32", normalise=Normalise(mean=[0.5], std=[0.5]),
        resize=7, interpolation="bicubic", dataset="photos", seeds=[0], top1=0.7,
    )  # fmt: skip
    assert encoder.view(plan, spec, task, "encoders.x") == Resize(7, 6, "bicubic")
    assert encoder.view(plan, spec.model_copy(update={"resize": 5}), task, "encoders.x") == Resize(5, 5, "bicubic")
    shown = to_device(task, Images(), "encoders.x", CPU, Resize(7, 6)).batch(torch.arange(2))
    assert shown.shape == (2, 1, 6, 6)


def test_a_checkpointed_probe_goes_on(task: Task, tmp_path: Path) -> None:
    spec = gradient.Spec.model_validate(GRID)
    whole = gradient.probe(spec, vectors(task), 3, "probe", tmp_path / "a")
    calls = 0
    plain = Checkpoint.save

    def save(self: Checkpoint, state: dict[str, Any]) -> None:
        nonlocal calls
        plain(self, state)
        calls += 1
        if calls == 40:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROBELINE_CHECKPOINT_SECONDS", "0")
        patch.setattr(Checkpoint, "save", save)
        with pytest.raises(KeyboardInterrupt):
            gradient.probe(spec, vectors(task), 3, "probe", tmp_path / "b")
    loaded = []
    plain_load = Checkpoint.load

    def load(self: Checkpoint) -> dict[str, Any] | None:
        state = plain_load(self)
        loaded.append(state is not None)
        return state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "load", load)
        again = gradient.probe(spec, vectors(task), 3, "probe", tmp_path / "b")
    assert 1 < loaded.count(True) < len(loaded)
    assert whole is not None
    assert again is not None
    assert again.rows == whole.rows
    assert again.layer.weight.equal(whole.layer.weight)


def test_dropout_before_the_first_layer_that_trains_is_off(task: Task) -> None:
    run = Run.model_validate(RUN)
    drawn = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), nn.Dropout(0.5), nn.Linear(8, 4), nn.Dropout(0.5), nn.Linear(4, 3)
    )
    model[1].requires_grad_(requires_grad=False)
    train_mode(model, "updated")
    assert [layer.training for layer in model] == [False, False, False, True, True, True]
    rest, inner = Frozen().shorten(model, drawn, run, "x")
    train_mode(rest, "updated")
    torch.manual_seed(0)
    short = rest(inner.batch(torch.arange(5)))
    train_mode(model, "updated")
    torch.manual_seed(0)
    assert torch.allclose(short, model(drawn.batch(torch.arange(5))), atol=1e-6)


@pytest.mark.parametrize("statistics", ["updated", "kept"])
def test_the_statistics_of_batch_norm_are_updated_or_kept(statistics: str, task: Task, tmp_path: Path) -> None:
    run = Run.model_validate(RUN | {"running_statistics": statistics})
    drawn = of_draw(to_device(task, run, "train.mine", CPU), task, 0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(drawn.values, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    norm = model[2]
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    engine.fit(model, drawn, run, 0, Checkpoint(tmp_path / "c.pt"), lambda *_: None)
    moved = {name for name, value in norm.state_dict().items() if not value.equal(before[name])}
    assert {"weight", "bias"} <= moved
    assert ("running_mean" in moved) == (statistics == "updated")
    assert norm.training == (statistics == "updated")


def test_what_was_fine_tuned_can_be_embedded_as_it_was_trained(project: Path) -> None:
    folder = project / "data/models/mine/model.json"
    facts = json.loads(folder.read_text())
    folder.write_text(
        json.dumps(facts | {"resize": 9, "interpolation": "bicubic"})
    )  # as a backbone: 9, then the centre
    embedded()
    probed()
    write_params(finetune={"tuned": FINETUNE | {"seeds": [0]}})
    finetuning.main("tuned")
    after = json.loads(Path("data/models/tuned/model.json").read_text())
    assert {key: after[key] for key in ("shape", "resize", "interpolation")} == {
        "shape": [1, 8, 8], "resize": 9, "interpolation": "bicubic",
    }  # fmt: skip
    assert embedded(source="tuned").facts["resize"] == 9
    with pytest.raises(
        UserError, match=r"mine-made.resize: the network of tuned is another one for images of 6x6; leave"
    ):
        embedded(source="tuned", resize=6)


@pytest.mark.usefixtures("project")
def test_a_probe_without_a_class_is_no_head() -> None:
    embedded()
    probed()
    head = Path("data/probes/mine-made/draw-0.gradient.pt")
    state = torch.load(head, weights_only=True)
    state["bias"][1] = -torch.inf
    torch.save(state, head)
    write_params(finetune={"tuned": FINETUNE | {"seeds": [0]}})
    with pytest.raises(
        UserError, match=r"^params.yaml: finetune.tuned.head: the gradient probe never predicts a class"
    ):
        finetuning.main("tuned")


@pytest.mark.usefixtures("project")
def test_a_checkpoint_is_of_one_head(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded()
    probed()
    plain, marks = checkpoint.fingerprint, []

    def marked(*arguments: Any) -> str:
        marks.append(plain(*arguments))
        return marks[-1]

    monkeypatch.setattr(checkpoint, "fingerprint", marked)
    for head in ("gradient", "logistic", "gradient"):
        write_params(finetune={"tuned": FINETUNE | {"head": head}})
        finetuning.main("tuned")
    assert marks[0] == marks[2] != marks[1]


def test_a_transfer_from_weights_that_saw_its_test_images_is_refused(project: Path, task: Task) -> None:
    folder = project / "data/tasks/other"
    folder.mkdir()
    tasks.save(replace(task, train=task.test[None], validation=task.test[None], test=task.train[0]), folder)
    changes = {
        "source": "mine",
        "load": ["features"],
        "new": ["head"],
        "trainable": "all",
        "task": "other",
        "seeds": [0],
    }
    write_params(transfer={"second": RUN | changes})
    from stages import transfer

    with pytest.raises(UserError, match=r"transfer.second: the weights that it starts from were trained on 30 of the"):
        transfer.main("second")
