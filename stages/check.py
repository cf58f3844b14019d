"""check: refuse a mistake in params.yaml before anything is deleted or run; else list what its entries are called."""

from pathlib import Path

from probeline.check import GROUPS, check
from probeline.pipeline import files
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage


def main() -> None:
    everything = section()
    check(everything)
    # Always the same, so that a good edit reruns only the stages that read it.
    files.write(Path("data/checked"), "params.yaml is valid\n")
    files.write_json(Path("data/entries.json"), {group: list(everything[group]) for group in GROUPS})


if __name__ == "__main__":
    stage(main)
