"""All probes of an encoder: each chosen on validation vectors, then scored on test vectors once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probeline.embedding import Embedding
from probeline.pipeline import params
from probeline.pipeline.errors import UserError
from probeline.pipeline.progress import say
from probeline.probes import gradient as descent
from probeline.probes import knn as nearest
from probeline.probes import logistic as convex
from probeline.training.data import DeviceVectors, splits_of
from probeline.training.evaluation import evaluate
from probeline.training.record import confusion_matrix, save_weights
from probeline.training.spec import Experiment

SPLITS = ("train", "validation", "test")
Vectors = tuple[NDArray[np.float32], NDArray[np.int64]]
Heads = dict[str, dict[str, Tensor]]


class Spec(params.Spec):
    """An entry of `probes`, under the name of an encoder.

    Attributes:
        logistic: The convex probe, solved to the optimum.
        knn: Nearest neighbours.
        gradient: The probe as the reports train it; null leaves it out.
    """

    experiment: Experiment
    logistic: convex.Spec = convex.Spec()
    knn: nearest.Spec = nearest.Spec()
    gradient: descent.Spec | None = None


def probe(
    spec: Spec, found: Embedding, draw: int, where: str, device: torch.device, checkpoints: Path
) -> tuple[dict[str, Any], Heads]:
    """Fit and score the probes on one draw of a task.

    Returns:
        A record a probe: chosen setting, scores by split, confusion of the test images, rows of all settings, history.
        The weight (K, D) and bias (K,) of every linear probe, float32.

    Raises:
        UserError: The training images are of one class.
    """
    labels = found.labels[found.train[draw]]
    if len(np.unique(labels)) < 2:
        raise UserError(
            f"params.yaml: {where}: all {len(labels)} training images are of class "
            f"'{found.classes[labels[0]]}'; a probe needs two classes or more: give the task more images"
        )
    splits: dict[str, Vectors] = {
        split: (found.vectors[indices], found.labels[indices])
        for split, indices in zip(SPLITS, (found.train[draw], found.validation[draw], found.test), strict=True)
    }
    classes = len(found.classes)
    heads: Heads = {}

    optimum = convex.probe(spec.logistic, splits["train"], splits["validation"], classes)
    records = {
        "logistic": {
            "chosen": optimum.chosen,
            **_scores(splits, optimum.predict, classes, SPLITS, optimum.loss),
            "rows": optimum.rows,
        }
    }
    heads["logistic"] = {
        "weight": torch.from_numpy(optimum.weights).float(),
        "bias": torch.from_numpy(optimum.bias).float(),
    }

    near = nearest.probe(spec.knn, splits["train"], splits["validation"], where)
    records["knn"] = {
        "chosen": near.chosen,
        **_scores(splits, near.predict, classes, ("validation", "test")),
        "rows": near.rows,
    }

    if spec.gradient is not None:
        data = DeviceVectors(
            torch.from_numpy(found.vectors).to(device),
            torch.from_numpy(found.labels).to(device),
            splits_of(found, draw, device),
        )
        try:
            spec.gradient.objective.outputs(classes)
        except ValueError as error:  # an objective for another number of classes
            raise UserError(f"params.yaml: {where}.gradient: {error}") from None
        trained = descent.probe(spec.gradient, data, classes, f"{where}.gradient", checkpoints)
        if trained is None:
            raise UserError(f"params.yaml: {where}.gradient: diverged at every point; lower its learning rate")
        scores = {split: evaluate(trained.layer, data, split, spec.gradient) for split in SPLITS}
        assert scores["test"].predicted is not None
        records["gradient"] = {
            "chosen": trained.chosen,
            "scores": {split: {"loss": score.loss, "accuracy": score.accuracy} for split, score in scores.items()},
            "confusion": confusion_matrix(splits["test"][1], scores["test"].predicted.numpy(), classes).tolist(),
            "rows": trained.rows,
            "history": trained.history,
        }
        heads["gradient"] = trained.state()
    return records, heads


def _scores(
    splits: dict[str, Vectors],
    predict: Callable[[NDArray[np.float32]], NDArray[np.int64]],
    classes: int,
    of: tuple[str, ...],
    loss: Callable[[NDArray[np.float32], NDArray[np.int64]], float] | None = None,
) -> dict[str, Any]:
    """Accuracy and loss of some splits, and the confusion of the test images."""
    predicted = {split: predict(splits[split][0]) for split in of}
    return {
        "scores": {
            split: {
                "loss": loss(*splits[split]) if loss else None,
                "accuracy": float((predicted[split] == splits[split][1]).mean()),
            }
            for split in of
        },
        "confusion": confusion_matrix(splits["test"][1], predicted["test"], classes).tolist(),
    }


def record(spec: Spec, found: Embedding, draws: list[dict[str, Any]]) -> dict[str, Any]:
    """All that was measured of an encoder."""
    return {
        **found.facts,
        "experiment": spec.experiment,
        "objective": spec.gradient.objective.name if spec.gradient else None,
        "images": {"train": found.train.shape[1], "validation": found.validation.shape[1], "test": len(found.test)},
        "classes": list(found.classes),
        "draws": draws,
    }


def save_heads(heads: Heads, folder: Path, draw: int) -> None:
    """Write every linear probe as a state_dict, `draw-<draw>.<probe>.pt`."""
    for name, state in heads.items():
        save_weights(folder / f"draw-{draw}.{name}.pt", state)


def tell(name: str, draw: int, records: dict[str, Any]) -> None:
    """One line for the one who watches."""

    def accuracies(found: dict[str, Any]) -> str:
        return ", ".join(f"{split} {found['scores'][split]['accuracy']:.4f}" for split in ("validation", "test"))

    say(f"{name} draw {draw}: {'; '.join(f'{kind} {accuracies(found)}' for kind, found in records.items())}")
