"""finetune@run: go on from a linear probe: the encoder's network with the probe as its head, once per seed."""

from typing import Any

from probeline.pipeline.stage import stage


def main(name: str) -> dict[str, Any]:
    from probeline.pipeline.params import read
    from probeline.training.run import carry_out
    from probeline.transfers.finetune import Finetune, job

    return carry_out("finetune", name, job(read(f"finetune.{name}", Finetune)))


if __name__ == "__main__":
    stage(main)
