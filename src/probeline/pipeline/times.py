"""`make times`: the last run of every stage here, from the log that each stage writes."""

import json

from probeline.pipeline import settings

COLUMNS = ("stage", "date", "seconds", "images_per_second", "peak_mib", "device", "threads")


def main() -> None:
    """Print one row per stage, in the order of their last runs."""
    log = settings.folder("PROBELINE_LOGS") / "times.jsonl"
    if not log.exists():
        print(f"{log.name}: no stage has run here yet; run: dvc repro")
        return
    last: dict[str, dict[str, object]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:  # a line that a full disk or a kill cut short
            continue
        last.pop(entry["stage"], None)
        last[entry["stage"]] = entry
    rows = [[str(entry.get(column) or "") for column in COLUMNS] for entry in last.values()]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row in (list(COLUMNS), *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
