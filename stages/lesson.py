"""lesson@name: the from-scratch work of report D, forward and backward written by hand."""

from probeline.pipeline.stage import stage


def main(name: str) -> None:
    from probeline.lessons.run import carry_out
    from probeline.lessons.spec import Lessons
    from probeline.pipeline.params import read

    carry_out(name, read(f"lessons.{name}", Lessons))


if __name__ == "__main__":
    stage(main)
