"""summary: publish the results of everything that params.yaml names: tables, curves, figures, the scoreboard."""

from pathlib import Path

from probeline.pipeline.stage import stage

ENTRIES, RESULTS = Path("data/checked/entries.json"), Path("data/results")
METRICS, PLOTS = Path("metrics"), Path("plots")


def main() -> None:
    from probeline.pipeline.folders import new_folder
    from probeline.report import claims, terminal
    from probeline.report.load import drop_strays, load
    from probeline.report.publish import Publisher, publish

    stated = claims.load(Path("claims.yaml"))
    results = load(ENTRIES, RESULTS)
    drop_strays(ENTRIES, RESULTS)
    # All of it or nothing: neither folder takes its place before both are written.
    with new_folder(METRICS) as metrics, new_folder(PLOTS) as plots:
        tables = publish(results, stated, RESULTS, Publisher(metrics, plots, PLOTS))
    terminal.tell(tables.runs, tables.probes, tables.sweeps)


if __name__ == "__main__":
    stage(main)
