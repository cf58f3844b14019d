"""summary: publish the results of all that params.yaml names: metrics, curves, figures, two tables."""

from contextlib import ExitStack
from pathlib import Path

from probeline import probe_summary, publishing, summary, sweep_summary, tsne_map
from probeline.figures import overview
from probeline.lessons import results as lessons
from probeline.pipeline import files
from probeline.pipeline.stage import stage
from probeline.publishing import EXAMPLES, METRICS, PLOTS, RESULTS, Folder

RUNS = ("train", "transfer", "finetune")
# The group of entries that a stage is of.
GROUPS = {**{run: run for run in RUNS}, "probe": "probes", "tsne": "maps", "sweep": "sweeps"}


def main() -> None:
    entries = summary.read(Path("data/entries.json"), "check")
    names = {kind: entries[group] for kind, group in GROUPS.items()}
    runs = summary.load({group: names[group] for group in RUNS}, RESULTS)
    probed = probe_summary.load(names["probe"], RESULTS / "probe")
    mapped = tsne_map.load(names["tsne"], RESULTS / "tsne")
    swept = sweep_summary.load(names["sweep"], RESULTS / "sweep")
    learned = lessons.load(RESULTS / "lessons")
    summary.drop_strays([*GROUPS, "lessons"], RESULTS, "group")
    for kind, group in GROUPS.items():
        summary.drop_strays(names[kind], RESULTS / kind, f"entry of {group}")
    summary.drop_strays(entries["tasks"], EXAMPLES, "entry of tasks")
    table, probe_table = summary.table(runs), probe_summary.table(probed, runs)
    with ExitStack() as stack:
        # All of it or nothing: no folder takes its place before everything is written.
        new: Folder = lambda path: stack.enter_context(files.new_folder(path))  # noqa: E731
        publishing.write_tables(runs, probed, new)
        publishing.draw_runs(runs, table, new)
        publishing.draw_tasks(entries["tasks"], new)
        publishing.publish_sweeps(swept, new)
        publishing.publish_lessons(learned, new)
        publishing.draw_representations(runs, probed, probe_table, mapped, new)
    overview.draw(PLOTS / "overview.png", table)
    files.write_csv(METRICS / "summary.csv", table)
    files.write_csv(METRICS / "probes.csv", probe_table)
    files.write_csv(METRICS / "maps.csv", tsne_map.table(mapped))
    files.write_csv(METRICS / "sweeps.csv", sweep_summary.table(swept))
    everything = {**summary.numbers(runs), **probe_summary.numbers(probed), **sweep_summary.numbers(swept)}
    files.write_json(METRICS / "summary.json", files.rounded(everything))
    summary.tell(table)
    probe_summary.tell(probe_table)
    sweep_summary.tell(sweep_summary.table(swept))
    print("the whole tables: metrics/*.csv, first metrics/summary.csv; every figure: plots, first plots/overview.png")


if __name__ == "__main__":
    stage(main)
