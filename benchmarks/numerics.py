"""What portable numerics cost, for each kind of stage: see README.md."""

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

STAGES = (
    "split@cifar10-10k",
    "train@d4-softmax",
    "train@b2-two-layer-net",
    "train@b2-convnet",
    "train@a4-triplet-z32",
    "transfer@b6-transfer",
    "embed@a6-triplet-z32",
    "embed@e2-resnet18",
    "probe@e2-resnet18",
    "tsne@a6-triplet-z32",
    "finetune@e3-resnet18",
    "sweep@d3-grid",
    "lesson@d",
)
# native with one thread tells what the instructions cost; with all threads, what the pipeline would take alone.
WAYS = {"portable": {}, "native, one thread": {"PROBELINE_THREADS": "1"}, "native": {}}


class Cost(NamedTuple):
    """Of one run of a stage, in seconds."""

    wall: float
    cpu: float


@contextmanager
def copies() -> Iterator[dict[str, Path]]:
    """A folder for each way, in which `check` has run with its numerics, and which has all data."""
    with tempfile.TemporaryDirectory() as place:
        found = {}
        for way in WAYS:
            folder = found[way] = Path(place) / way.replace(", ", "-").replace(" ", "-")
            shutil.copytree(".", folder, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".dvc", ".git", ".c*"))
            (folder / ".venv").symlink_to(sys.prefix)
            params = folder / "params.yaml"
            mode = f"numerics: {way.partition(',')[0]}"
            params.write_text(params.read_text().replace("numerics: portable", mode))
            run(folder, "check", way)
        yield found


def run(folder: Path, stage: str, way: str) -> Cost:
    """Run a stage by hand, from its start to its end."""
    name, _, entry = stage.partition("@")
    command = [".venv/bin/python", f"stages/{name}.py", *filter(None, [entry])]
    surroundings = {**os.environ, "PYTHONPATH": "src", "PROBELINE_CHECKPOINTS": f"{folder}/.kept", **WAYS[way]}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=surroundings, check=True, stderr=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure, each stage all ways in turn, and print ratios to portable."""
    parser = argparse.ArgumentParser(description="Portable numerics against native, stage by stage.")
    parser.add_argument("stages", nargs="*", default=STAGES, help="train@NAME ... (one of each kind)")
    parser.add_argument("--rounds", type=int, default=1, help="(1)")
    asked = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores; seconds of wall, seconds of CPU; medians of {asked.rounds}")
    total = dict.fromkeys(WAYS, Cost(0, 0))
    with copies() as folders:
        for stage in asked.stages:
            found: dict[str, list[Cost]] = {way: [] for way in WAYS}
            for _ in range(asked.rounds):
                for way, folder in folders.items():
                    found[way].append(run(folder, stage, way))
            costs = {way: Cost(*map(statistics.median, zip(*found[way], strict=True))) for way in WAYS}
            total = {way: Cost(total[way].wall + cost.wall, total[way].cpu + cost.cpu) for way, cost in costs.items()}
            print(f"{stage:24}{_listed(costs)}", flush=True)
    print(f"{'all of these':24}{_listed(total)}")


def _listed(costs: dict[str, Cost]) -> str:
    base = costs["portable"]
    return "; ".join(
        f"{way} {cost.wall:.1f} {cost.cpu:.1f}"
        + (f" (portable {base.wall / cost.wall:.2f}, {base.cpu / cost.cpu:.2f} times)" if way != "portable" else "")
        for way, cost in costs.items()
    )


if __name__ == "__main__":
    main()
