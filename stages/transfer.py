"""transfer@run: the same as train@run, from the weights of another run."""

from pathlib import Path
from typing import Any

from probeline.pipeline.stage import stage


def main(name: str) -> dict[str, Any]:
    from probeline.pipeline.params import read
    from probeline.training.job import Job
    from probeline.training.run import carry_out
    from probeline.transfers.transfer import FromRun, Transfer

    run = read(f"transfer.{name}", Transfer)
    return carry_out("transfer", name, Job.of(run, FromRun(run, Path("data/models") / run.source)))


if __name__ == "__main__":
    stage(main)
