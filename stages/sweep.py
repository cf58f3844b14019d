"""sweep@name: train a run for every value of a grid; choose on validation images; score the best on test images."""

from typing import Any

from probeline.pipeline.stage import stage


def main(name: str) -> dict[str, Any]:
    from probeline.pipeline.params import read
    from probeline.sweeps.spec import Sweep
    from probeline.sweeps.sweep import carry_out

    return carry_out(name, read(f"sweeps.{name}", Sweep))


if __name__ == "__main__":
    stage(main)
