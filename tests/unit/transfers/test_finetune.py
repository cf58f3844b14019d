"""A fine-tuning as the training needs it: no part of its job is made up."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from probeline.pipeline.errors import ParamError
from probeline.probes import _heads as heads
from probeline.results.embeddings import Embedded
from probeline.training import model
from probeline.training.model import Model
from probeline.training.spec import Recipe
from probeline.transfers.finetune import Finetune, FromProbe, job

MLP: dict[str, Any] = {"name": "mlp", "hidden": [6], "embedding": 4}
FINETUNE: dict[str, Any] = {
    "report_id": "E3", "encoder": "mine-made", "head": "gradient", "source": "mine", "task": "made", "seeds": 2,
    "trainable": {"last": 2}, "objective": {"name": "cross_entropy"}, "optimizer": {"name": "adam", "lr": 0.01},
    "batch_size": 8, "epochs": 2, "freeze_batch_norm": True, "clip_norm": 2.0, "precision": "bfloat16",
    "l2": {"lambda": 0.1, "form": "per_image", "layers": "last"}, "early_stopping": {"metric": "loss", "patience": 3},
}  # fmt: skip
NORMALIZE = {"mean": [0.4], "std": [0.3]}


def head(value: float) -> dict[str, Any]:
    return {"weight": torch.full((3, 4), value), "bias": torch.arange(3.0) + value}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a model and the probes of its encoder, on two resamples."""
    monkeypatch.chdir(tmp_path)
    about = {
        "model": MLP, "shape": (1, 4, 4), "outputs": 3, "precision": "float32", "normalize": NORMALIZE, "resize": None,
        "interpolation": "bicubic", "task": "made", "dataset": "made", "classes": list("abc"), "seeds": [0, 1],
        "top1": None, "code": {},
    }  # fmt: skip
    found = Model.model_validate(about)
    torch.manual_seed(0)
    states = {seed: found.build((1, 4, 4), 3).state_dict() for seed in (0, 1)}
    Path("data/models/mine").mkdir(parents=True)
    model.save(Path("data/models/mine"), found, states)
    save_heads([{"gradient": head(0.5), "knn": None}, {"gradient": head(0.7), "knn": None}])


def save_heads(resamples: list[Any], **changes: Any) -> None:
    about = {
        "source": "mine", "weights": "trained", "seed": 1, "task": "made", "resize": None, "shape": (1, 4, 4),
        "dataset": "made", "source_dataset": "made", "model": "mlp", "top1": None, "parameters": 10, "dimensions": 4,
        "seen": {},
    }  # fmt: skip
    Path("data/probes/mine-made").mkdir(parents=True, exist_ok=True)
    heads.save(Embedded.model_validate(about | changes), resamples, Path("data/probes/mine-made"))


def spec(**changes: Any) -> Finetune:
    return Finetune.model_validate(FINETUNE | changes)


def test_its_recipe_is_what_the_entry_says_with_an_evaluation_first() -> None:
    entry = spec()
    recipe = job(entry).recipe
    assert type(recipe) is Recipe
    for key in Recipe.model_fields:
        assert getattr(recipe, key) == (True if key == "evaluate_start" else getattr(entry, key)), key
    assert Recipe.model_validate(recipe.model_dump()) == recipe


def test_its_job_is_of_the_network_and_the_images_of_its_encoder() -> None:
    found = job(spec())
    assert (found.report_id, found.task, found.seeds) == ("E3", "made", [0, 1])
    assert found.model.model_dump() == MLP
    assert found.view.normalize is not None
    assert found.view.normalize.model_dump() == NORMALIZE
    assert (found.view.resize, found.view.augment, found.view.channels_last) == (None, (), True)
    assert [str(path) for path in found.start.folders] == ["data/models/mine", "data/probes/mine-made"]
    save_heads([], resize=9, shape=(1, 8, 8))
    resize = job(spec()).view.resize
    assert resize is not None
    assert (resize.side, resize.crop, resize.interpolation) == (9, 8, "bicubic")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_seed_begins_with_the_encoder_and_the_probe_of_its_resample(seed: int) -> None:
    start = job(spec()).start
    network = model.load(Path("data/models/mine")).build((1, 4, 4), 3)
    begun = start.begin(network, seed)
    assert begun is not None
    state, trunk = network.state_dict(), model.load_weights(Path("data/models/mine"), 1)  # of the encoder's seed
    expected = {**trunk, **{f"head.{name}": value for name, value in head(0.5 if seed % 2 == 0 else 0.7).items()}}
    assert all(state[name].equal(value) for name, value in expected.items())
    assert (begun.source, begun.encoder, begun.head) == ("mine", "mine-made", "gradient")
    assert (begun.load, begun.new, begun.trainable) == (["features", "embedding", "head"], [], {"last": 2})
    assert (begun.loaded_parameters, begun.new_parameters) == (16 * 6 + 6 + 6 * 4 + 4 + 4 * 3 + 3, 0)
    assert begun.trained_parameters == 6 * 4 + 4 + 4 * 3 + 3
    free = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert free == {f"{layer}.{kind}" for layer in ("embedding", "head") for kind in ("weight", "bias")}


def refused(entry: Finetune, network: torch.nn.Module) -> ParamError:
    start = job(entry).start
    assert isinstance(start, FromProbe)
    with pytest.raises(ParamError) as error:
        start.begin(network, 0)
    return error.value


def test_a_probe_that_cannot_be_a_head_is_refused() -> None:
    network = model.load(Path("data/models/mine")).build((1, 4, 4), 3)
    missing = refused(spec(head="logistic"), network)
    assert str(missing) == "params.yaml: head: probes.mine-made has no logistic probe; add it"
    deeper = torch.nn.Sequential(torch.nn.Flatten())
    deeper.add_module("head", torch.nn.Sequential(torch.nn.Linear(16, 3)))
    line = "params.yaml: source: the head of mine is no single linear layer, as a probe is; fine-tune another"
    assert str(refused(spec(), deeper)) == line


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"evaluate_start": True}, "evaluate_start: a fine-tuning always begins with an evaluation; leave evaluate_st"),
        ({"objective": {"name": "triplet"}, "early_stopping": None}, "triplet predicts no classes, as the probe does"),
        ({"head": "knn"}, "Input should be 'gradient' or 'logistic'"),
        ({"trainable": "none"}, "is 'none'; give all, head, or a number of layers from the end"),
    ],
)
def test_what_it_may_not_say(changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError, match=line):
        spec(**changes)
