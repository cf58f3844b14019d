"""transfer@run: the same as train@run, from the weights of another run."""

from pathlib import Path
from typing import Any

from probeline import transfer
from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training.run import carry_out
from probeline.training.spec import Transfer


def main(name: str) -> dict[str, Any]:
    run = read(f"transfer.{name}", Transfer)
    start = transfer.Start(run, Path("data/models") / run.source, f"transfer.{name}")
    return carry_out("transfer", name, run, start)


if __name__ == "__main__":
    stage(main)
