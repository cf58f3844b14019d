"""A project with a task and a trained run, and what its stages leave: for tests of encoders, probes and fine-tuning."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from probeline.encoders import embedding
from probeline.encoders.embedding import Embedding
from probeline.encoders.spec import Encoder
from probeline.results.probes import Probes
from probeline.tasks import task as tasks
from probeline.tasks.task import Task
from probeline.training.job import Job
from probeline.training.model import Model
from probeline.training.run import carry_out
from probeline.training.spec import Run
from stages import embed, probe
from tests.unit.report.made import embedded as facts

MODEL = {"name": "convnet", "channels": [4, 6], "kernel_size": 3, "padding": 1, "batch_norm": True, "hidden": [5]}
RECIPE = {
    "objective": {"name": "cross_entropy"}, "optimizer": {"name": "adam", "lr": 0.01}, "batch_size": 8, "epochs": 2,
}  # fmt: skip
RUN = RECIPE | {
    "report_id": "B4", "task": "made", "seeds": [0, 1], "model": MODEL, "normalize": {"mean": [0.4], "std": [0.3]},
}  # fmt: skip
ENCODER = {"source": "mine", "weights": "trained", "seed": 0, "task": "made"}
GRADIENT = RECIPE | {
    "seeds": [0, 1], "epochs": 6, "l2": {"lambda": 1.0, "form": "per_image", "layers": "last"},
    "early_stopping": {"metric": "loss", "patience": 2}, "grid": {"lr": [0.3, 0.01], "l2": [0.0, 5.0]},
}  # fmt: skip
PROBES = {"report_id": "E1", "gradient": GRADIENT, "logistic": {"l2": [0.1, 1.0]}, "knn": {"neighbors": [1, 3]}}


def source(shape: tuple[int, int, int] | None = (1, 8, 8), **changes: Any) -> Model:
    """A run that was trained on images of a shape."""
    facts = {
        "model": {"name": "pixels"}, "shape": shape, "outputs": None, "precision": "float32", "normalize": None,
        "resize": None, "interpolation": "bilinear", "task": None, "dataset": None, "classes": None, "seeds": [0],
        "top1": None, "code": {},
    }  # fmt: skip
    return Model.model_validate(facts | changes)


def spec(**changes: Any) -> Encoder:
    return Encoder.model_validate(ENCODER | changes)


def larger(task: Task) -> Task:
    """The same with images of 8x8."""
    return replace(task, images=np.kron(task.images, np.ones((1, 2, 2, 1), dtype=np.uint8)))


def embedding_of(task: Task, vectors: Any) -> Embedding:
    """Vectors of a task's images, from anywhere."""
    return embedding.of_task(task, vectors, facts())


def save_task(name: str, task: Task) -> None:
    folder = Path("data/tasks") / name
    folder.mkdir(parents=True)
    tasks.save(task, folder)


def make_project(task: Task, kept: Path) -> None:
    """Leave data/tasks/made and data/models/mine, of the seeds 0 and 1, in this folder.

    Args:
        kept: Where they lie for the next test, so that the run is trained once.
    """
    if not kept.exists():
        save_task("made", task)
        carry_out("train", "mine", Job.of(Run.model_validate(RUN)))
        shutil.copytree("data", kept)
    shutil.copytree(kept, "data", dirs_exist_ok=True)


def write_params(**sections: Any) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(sections))


def embedded(name: str = "mine-made", **changes: Any) -> Embedding:
    """What embed@<name> leaves."""
    write_params(encoders={name: ENCODER | changes})
    embed.main(name)
    return embedding.load(Path("data/embeddings") / name)


def probed(**changes: Any) -> Probes:
    """What probe@mine-made measures."""
    write_params(probes={"mine-made": PROBES | changes})
    probe.main("mine-made")
    return Probes.load(Path("data/results/probe/mine-made/probe.json"))
