"""What is known of the fits behind a number: their values in Git and here, their images, and their outputs here."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.groups import GROUPS, force
from probeline.results import lessons, outputs, probes, record, runs, sweeps, tasks
from probeline.verify import noise
from probeline.verify.git import Files

At = Mapping[str, str]  # where a number stands: run, encoder and probe, sweep and fraction, or lesson; value; fit


@dataclass(frozen=True)
class Fit:
    """One fit: a seed of a run, or a probe on one resample.

    Attributes:
        values: Its numbers in Git, by `<split>_<metric>`.
        chosen: What validation chose for it.
        images: By split, where known.
        outputs: The file of its outputs here.
    """

    values: Mapping[str, float | None]
    chosen: Mapping[str, Any]
    images: Mapping[str, int]
    outputs: Path
    task: str
    resample: int


@dataclass(frozen=True)
class Evidence:
    """Both sides, and the results of this machine.

    Attributes:
        committed, here: The files in metrics and plots.
        results: data/results.
        embeddings: data/embeddings.
        sections: The section of params.yaml of each run.
    """

    committed: Files
    here: Files
    results: Path
    embeddings: Path
    sections: Mapping[str, str]

    @cached_property
    def _kept(self) -> dict[Any, Any]:
        return {}

    def once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What `make` gives, made once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def fits(self, at: At, *, here: bool = False) -> list[Fit]:
        """The fits of a number, one per seed or resample; none where it has none.

        Args:
            here: Of this machine's run, in place of that in Git.
        """
        side = self.here if here else self.committed
        kind = next((kind for kind in ("entry", "sweep", "probe", "run") if kind in at), None)
        if kind is None:
            return []
        of = {"entry": self._lesson, "sweep": self._sweep, "probe": self._probe, "run": self._run}[kind]
        names = tuple(at.get(key) for key in ("entry", "sweep", "fraction", "point", "encoder", "probe", "run"))
        return list(self.once(("fits", here, names), lambda: of(at, side)))

    def labels(self, task: str) -> tasks.Labels:
        """The labels of a task."""
        found: tasks.Labels = self.once(("labels", task), lambda: tasks.load(self._folder("tasks", task)))
        return found

    def error(self, fit: Fit, split: str, metric: str) -> float | None:
        """The standard error over images of a loss or metric of a fit, relative to its size; None for none."""

        def measure() -> float | None:
            if not fit.outputs.exists():
                return None
            labels = self.labels(fit.task)
            found, resample = outputs.load(fit.outputs), fit.resample % len(labels.train)
            return noise.relative_error(found, labels.of(split, resample), split, metric)

        error: float | None = self.once(("error", fit.outputs, split, metric), measure)
        return error

    def silhouettes(self, encoder: str, where: str) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
        """The silhouette of each point of a map, float64 (n,), and the names of their classes.

        Args:
            where: `map`, with the positions in Git, or `embedding`, with the vectors here; nan where there are none.
        """
        rows = self.table(f"plots/maps/{encoder}.csv")
        names = np.array([row["class"] for row in rows])

        def measure() -> NDArray[np.float64]:
            from probeline.maps.quality import silhouettes  # scikit-learn takes a second

            labels = np.array([int(row["label"]) for row in rows])
            if where == "map":
                return silhouettes(np.array([[float(row["x"]), float(row["y"])] for row in rows]), labels)
            path = self.embeddings / encoder / "vectors.npy"
            if not path.exists():
                return np.full(len(rows), np.nan)
            vectors = files.read_array(path, (np.float32, 2), f"run: {force('embed', encoder)}", mode="r")
            return silhouettes(vectors[[int(row["index"]) for row in rows]].astype(np.float64), labels)

        each: NDArray[np.float64] = self.once(("silhouettes", encoder, where), measure)
        return each, names

    def table(self, name: str, *, here: bool = False) -> list[dict[str, str]]:
        """The rows of a table; none where there is none."""
        content = (self.here if here else self.committed).get(name, b"")
        rows: list[dict[str, str]] = self.once(
            ("table", name, here), lambda: list(csv.DictReader(io.StringIO(content.decode())))
        )
        return rows

    def points(self, run: str, step: str) -> dict[str, tuple[dict[str, str], float]]:
        """The points of a run's history in Git at a step: by seed its row, and the epochs since the point before."""

        def read() -> dict[str, dict[str, tuple[dict[str, str], float]]]:
            found: dict[str, dict[str, tuple[dict[str, str], float]]] = {}
            last: dict[str, float] = {}
            for row in self.table(f"plots/history/{run}.csv"):
                seed, epoch = row["seed"], float(row["epoch"])
                found.setdefault(row["step"], {})[seed] = row, epoch - last.get(seed, 0.0)
                last[seed] = epoch
            return found

        at_steps: dict[str, dict[str, tuple[dict[str, str], float]]] = self.once(("points", run), read)
        return at_steps.get(step, {})

    def _folder(self, section: str, name: str) -> Path:
        return self.results / GROUPS[section].stage / name

    def _json(self, side: Files, name: str) -> Any:
        try:
            return json.loads(side[name]) if name in side else None
        except ValueError:
            raise UserError(f"{name}: is damaged; run: dvc repro --force summary") from None

    def _run(self, at: At, side: Files) -> list[Fit]:
        found = self._json(side, f"metrics/runs/{at['run']}.json")
        section = self.sections.get(at["run"])
        if found is None or section is None:
            return []
        folder = self._folder(section, at["run"])
        return [
            Fit(
                seed,
                {key: seed[key] for key in ("kept_step", "last_step")},
                found["images"],
                runs.outputs(folder, seed["seed"]),
                found["task"],
                seed["resample"],
            )
            for seed in found["seeds"]
        ]

    def _probe(self, at: At, side: Files) -> list[Fit]:
        found = self._json(side, f"metrics/probes/{at['encoder']}.json")
        if found is None:
            return []
        folder = self._folder("probes", at["encoder"])
        return [
            Fit(
                {f"{split}_{key}": value for split, part in one["scores"].items() for key, value in part.items()},
                {key: value for key, value in one["chosen"].items() if is_setting(key)},
                found["images"],
                probes.outputs(folder, resample, at["probe"]),
                found["task"],
                resample,
            )
            for resample, fitted in enumerate(found["resamples"])
            if (one := fitted.get(at["probe"])) is not None
        ]

    def _sweep(self, at: At, side: Files) -> list[Fit]:
        """The best point's seeds, of a fraction or of the largest; or those of a point."""
        rows = self.table(f"plots/sweeps/{at['sweep']}.csv", here=side is self.here)
        best = [row for row in rows if row["best"] == "True"]
        fraction = at.get("fraction") or max((row["train_fraction"] for row in best), key=float, default="")
        rows = [row for row in (rows if "point" in at else best) if row["train_fraction"] == fraction]
        path = self._folder("sweeps", at["sweep"]) / sweeps.FILE
        about = self.once(("sweep", path), lambda: sweeps.Sweep.load(path))
        exact = min((row.train_fraction for row in about.rows), key=lambda one: abs(one - float(fraction or 0)))
        return [
            Fit(
                {key: float(value) if value else None for key, value in row.items() if key.startswith(record.SPLITS)},
                {"point": row["point"]},
                {**about.images, "train": int(row["train_images"])},
                sweeps.outputs(path.parent, exact, int(row["seed"])),
                about.task,
                int(row["seed"]),
            )
            for row in rows
            if at.get("point", row["point"]) == row["point"]
        ]

    def _lesson(self, at: At, side: Files) -> list[Fit]:
        if "run" not in at:
            return []
        folder = self._folder("lessons", at["entry"])
        facts = self.once(("lesson", folder), lambda: lessons.Facts.load(folder / lessons.FILE))
        images = {run.run: run.images for run in facts.mlp} | {lessons.LIBRARY: facts.d5.images}
        rows = self.table(f"metrics/lessons/{at['entry']}/mlp.csv", here=side is self.here)
        chosen = next((row for row in rows if row["run"] == at["run"]), {"kept_epoch": ""})
        if at["run"] not in images:
            return []
        path = lessons.outputs_of(folder, at["run"])
        return [Fit({}, {"kept_epoch": chosen["kept_epoch"]}, images[at["run"]], path, facts.mlp_task, 0)]


def is_setting(key: str) -> bool:
    """Whether a key of a probe's row is what was chosen: no score, and nothing of the way there."""
    return not key.startswith((*record.SPLITS, *SOLVED))


SOLVED = ("objective", "gap", "gradient_norm", "iterations", "last_step", "stopped_early")
