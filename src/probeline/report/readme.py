"""Put the scoreboard into the README: `python -m probeline.report.readme`."""

import re
import sys
from pathlib import Path

from probeline.pipeline import files
from probeline.pipeline.errors import UserError

SCOREBOARD, README = Path("metrics/scoreboard.md"), Path("README.md")
BETWEEN = re.compile("(?<=<!-- scoreboard -->\n).*(?=<!-- /scoreboard -->)", re.DOTALL)


def part(readme: str) -> str | None:
    """What stands between the two marks of the README; None without marks."""
    found = BETWEEN.search(readme)
    return found.group() if found else None


def renewed(readme: str, scoreboard: str) -> str:
    """The README with another scoreboard between its marks.

    Raises:
        UserError: It has no marks.
    """
    if part(readme) is None:
        raise UserError(f"{README}: has no lines <!-- scoreboard --> and <!-- /scoreboard -->; add them")
    return BETWEEN.sub(lambda _: scoreboard, readme)


def main() -> None:
    """Renew the README in this folder."""
    try:
        texts = [path.read_text(encoding="utf-8") for path in (README, SCOREBOARD)]
        files.write(README, renewed(*texts))
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}; run from the clone, after dvc repro")
    except UserError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
