"""check: refuse a mistake in params.yaml before anything is deleted or run."""

from pathlib import Path

from probeline.check import check
from probeline.pipeline import files
from probeline.pipeline.params import section
from probeline.pipeline.stage import stage


def main() -> None:
    check(section())
    # Always the same, so that a good edit reruns only the stages that read it.
    files.write(Path("data/checked"), "params.yaml is valid\n")


if __name__ == "__main__":
    stage(main)
