"""Results that tests of the report make up."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.report.fits import Fit, Measure, measure
from probeline.report.load import Encoder, Run
from probeline.results import maps, probes, runs, sweeps, tasks
from probeline.results import outputs as outputs_of_fits
from probeline.results.embeddings import Embedded
from probeline.results.outputs import Outputs
from probeline.results.tasks import Labels
from probeline.tasks.task import Task

CLASSES = ("cat", "dog", "eel")
SPLITS = ("train", "validation", "test")
PLACES = {"split": "made", "train": "mine", "probe": "mine-made", "tsne": "mine-made", "sweep": "rates"}
IMAGES = {"train": 30, "validation": 10, "test": 15}  # of the task in tests/conftest.py


def labels(resamples: int = 2, test: tuple[int, ...] = (0, 0, 1, 1, 2, 2, 2, 2, 0, 1)) -> Labels:
    """A task of three classes: 12 training, 6 validation images for each resample, 10 test images."""
    right = np.concatenate([np.arange(18) % 3, test])
    order = [np.random.default_rng(number).permutation(18) for number in range(resamples)]
    return Labels(
        dataset="made",
        classes=CLASSES,
        labels=right,
        origin=np.arange(len(right)),
        train=np.stack([part[:12] for part in order]),
        validation=np.stack([part[12:] for part in order]),
        test=np.arange(18, len(right)),
    )


def wrong_on(right: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Predictions that are wrong on the first `count` images: the class after the right one."""
    predicted = right.copy()
    predicted[:count] = (predicted[:count] + 1) % len(CLASSES)
    return predicted


def outputs(of: Labels, resample: int, wrong: int, kind: Any = "logits") -> Outputs:
    """Outputs that are wrong on the first `wrong` images of every split, each with a score of 2 against 0."""
    predicted = {split: wrong_on(of.of(split, resample), wrong) for split in SPLITS}
    scores = {split: 2 * np.eye(len(CLASSES), dtype=np.float32)[predicted[split]] for split in SPLITS[1:]}
    return Outputs(kind, predicted, scores)


def evaluation(step: int, **changes: Any) -> dict[str, Any]:
    values = {"train_loss": 1.0, "train_accuracy": 0.5, "validation_loss": 1.0, "validation_accuracy": 0.5}
    return {"step": step, "epoch": step / 10, **values, **changes}


def seed(number: int, **changes: Any) -> dict[str, Any]:
    facts = {
        "seed": number, "resample": number % 2, "kept_step": 10, "last_step": 20, "stopped_early": False,
        "left_out": 1, "diverged_at": None, "losses": dict(zip(SPLITS, (0.25, 0.5, 0.75), strict=True)),
        "history": [evaluation(10), evaluation(20)],
    }  # fmt: skip
    return facts | changes


def record(seeds: list[dict[str, Any]], **changes: Any) -> runs.Run:
    facts = {
        "report_id": "B2", "task": "made", "dataset": "made", "model": "linear", "objective": "cross_entropy",
        "parameters": 51, "start": None, "images": {"train": 12, "validation": 6, "test": 10},
        "classes": list(CLASSES), "seeds": seeds,
    }  # fmt: skip
    return runs.Run.model_validate(facts | changes)


def run(*wrong: int | None, metrics: dict[str, Measure] | None = None, section: str = "train", **changes: Any) -> Run:
    """A run with one seed for each number of wrong images; None: it diverged."""
    of = labels()
    seeds, fits = [], []
    for number, count in enumerate(wrong):
        failed = {"diverged_at": 3, "losses": {}} if count is None else {}
        seeds.append(seed(number, **failed))
        found = None if count is None else outputs(of, number % 2, count)
        fits.append(measure(found, seeds[-1]["losses"], of, number % 2, metrics or {}))
    return Run(section, Path("nowhere"), record(seeds, **changes), fits)


def embedding_run(**changes: Any) -> Run:
    """A run whose objective predicts nothing."""
    quiet = {"train_accuracy": None, "validation_accuracy": None}
    one = seed(0, history=[evaluation(10, **quiet)])
    fit = measure(Outputs("losses", losses={}), one["losses"], labels(), 0, {})
    return Run("train", Path("nowhere"), record([one], objective="triplet", **changes), [fit])


def embedded(**changes: Any) -> Embedded:
    facts = {
        "source": "mine", "weights": "trained", "seed": 0, "task": "made", "resize": None, "shape": (1, 4, 4),
        "dataset": "made", "source_dataset": "made", "model": "vgg", "top1": None, "parameters": 40, "dimensions": 8,
        "seen": {"train": 12, "validation": 0, "test": 0},
    }  # fmt: skip
    return Embedded.model_validate(facts | changes)


def encoder(
    metrics: dict[str, Measure] | None = None, *, gradient: bool = True, own: bool = False, **changes: Any
) -> Encoder:
    """Probes on two resamples. Of 10 test images logistic gets 2 and 3 wrong, gradient 4 and 4, knn 5 and 5.

    Args:
        own: Whether there is a probe that Probeline does not come with: `mine`, wrong on 1 and 1.
    """
    of = labels()
    chosen: dict[str, dict[str, Any]] = {
        "logistic": {"l2": 0.5},
        "knn": {"neighbors": 3},
        "gradient": {"lr": 0.1, "l2": 0.25, "seed": 0, "kept_step": 20},
        "mine": {"depth": 2, "train_loss": 0.1, "validation_accuracy": 0.9, "kind": "tree"},
    }
    wrong = {"logistic": (2, 3), "gradient": (4, 4), "knn": (5, 5), "mine": (1, 1)}
    names = [name for name in chosen if {"gradient": gradient, "mine": own}.get(name, True)]
    history = [evaluation(10), evaluation(20)]
    losses = {"train": 0.1, "validation": 0.2, "test": 0.3}
    resamples: list[dict[str, Any]] = []
    fits: list[dict[str, Fit]] = []
    for number in range(2):
        here, measured = {}, {}
        for name in names:
            mean = {} if name == "knn" else losses
            kind = "votes" if name == "knn" else "logits"
            found = outputs(of, number, wrong[name][number], kind)
            if name == "knn":
                found = Outputs("votes", {split: found.predicted[split] for split in SPLITS[1:]}, found.scores)
            here[name] = {
                "chosen": chosen[name], "rows": [chosen[name]], "losses": mean,
                "history": history if name == "gradient" else [],
            }  # fmt: skip
            measured[name] = measure(found, mean, of, number, metrics or {})
        resamples.append(here)
        fits.append(measured)
    facts = {
        "report_id": "E1", "encoder": embedded(), "objective": "cross_entropy", "classes": list(CLASSES),
        "images": {"train": 12, "validation": 6, "test": 10}, "resamples": resamples,
    }  # fmt: skip
    return Encoder(probes.Probes.model_validate(facts | changes), fits)


def sweep(rows: list[dict[str, Any]], **changes: Any) -> sweeps.Sweep:
    facts = {
        "report_id": "D6", "task": "made", "dataset": "made", "model": "linear", "objective": "hinge",
        "images": {"train": 10, "validation": 6, "test": 10}, "grid": True, "axes": {"optimizer.lr": "lr"},
        "rows": rows, "chosen": [],
    }  # fmt: skip
    return sweeps.Sweep.model_validate(facts | changes)


def point(fraction: float, number: int, seed: int, accuracy: float | None, test: float | None = None) -> dict[str, Any]:
    """A row of a sweep over two learning rates; without accuracy it diverged, with test accuracy it is the best."""
    value = None if accuracy is None else 0.5
    return {
        "train_fraction": fraction, "train_images": round(10 * fraction), "point": number,
        "setting": f"lr 0.{number + 1}", "values": {"optimizer.lr": [0.1, 0.2][number]}, "seed": seed,
        "kept_step": value and 1, "last_step": 1, "diverged_at": None if accuracy else 1,
        "train_loss": value, "train_accuracy": value, "validation_loss": value, "validation_accuracy": accuracy,
        "best": test is not None, "test_accuracy": test,
    }  # fmt: skip


def tsne_map(report_id: str = "A5") -> maps.Map:
    """A map of four points of two classes; a third has none."""
    import pandas as pd

    names = [CLASSES[label] for label in (0, 0, 1, 1)]
    points = pd.DataFrame({"index": range(4), "x": [0.0, 1, 5, 6], "y": [0.0, 1, 0, 1], "label": [0, 0, 1, 1]})
    facts = {
        "report_id": report_id, "split": "test", "perplexity": 1.0, "iterations": 10, "seed": 0, "points": 4,
        "implementation": "exact", "implementation_version": "1", "kl": 0.5, "trustworthiness": 0.75, "neighbors": 1,
        "silhouette": {"embedding": 0.1, "map": 0.2}, "encoder": embedded(),
        "classes": [
            {"name": "cat", "points": 2, "embedding": 0.3, "map": 0.4},
            {"name": "dog", "points": 2, "embedding": -0.1, "map": 0.0},
            {"name": "eel", "points": 0, "embedding": None, "map": None},
        ],
    }  # fmt: skip
    return maps.Map(points.assign(**{"class": names}), maps.Facts.model_validate(facts))


def leave(task: Task, metrics: list[str]) -> Labels:
    """Leave data/results and what check leaves, in this folder: a run of two seeds, an encoder, a map and a sweep."""
    folder = Path("data/results")
    places = {stage: folder / stage / name for stage, name in PLACES.items()}
    for place in places.values():
        place.mkdir(parents=True)
    tasks.save(task, places["split"])
    of = tasks.load(places["split"])
    seeds = [seed(0), seed(1)]
    record(seeds, classes=list(of.classes), images=IMAGES).save(places["train"] / runs.FILE)
    for one, wrong in zip(seeds, (3, 6), strict=True):
        found = outputs(of, one["resample"], wrong)
        outputs_of_fits.save(found, runs.outputs(places["train"], one["seed"]))
    (places["train"] / "layers.txt").write_text("every layer\n")
    files.write_array(places["train"] / "augmented.npy", np.zeros((2, 3, 4, 4, 1), np.uint8))
    probed = encoder(classes=list(of.classes), images=IMAGES).record
    probed.save(places["probe"] / probes.FILE)
    for number, probe in product(range(2), probed.resamples[0]):
        outputs_of_fits.save(outputs(of, number, 3), probes.outputs(places["probe"], number, probe))
    maps.save(tsne_map(), places["tsne"])
    sweep([point(1.0, 0, 0, 0.5, 0.6), point(1.0, 1, 0, 0.4)]).save(places["sweep"] / sweeps.FILE)
    names = {"metrics": metrics, "tasks": ["made"], "train": ["mine"], "transfer": [], "finetune": [], "lessons": []}
    encoders = {key: ["mine-made"] for key in ("probes", "maps")}
    files.write_json(Path("data/checked/entries.json"), {**names, **encoders, "sweeps": ["rates"]})
    return of
