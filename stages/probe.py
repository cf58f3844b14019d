"""probe@encoder: how well its vectors tell the classes apart: linear probes and nearest neighbours."""

from pathlib import Path
from typing import Any

from probeline import embedding, probing
from probeline.pipeline import files
from probeline.pipeline.params import read
from probeline.pipeline.stage import stage
from probeline.training import checkpoint, device


def main(name: str) -> dict[str, Any]:
    where = f"probes.{name}"
    spec = read(where, probing.Spec)
    machine = device.choose()
    folder = Path("data/embeddings") / name
    found = embedding.load(folder)
    mark = checkpoint.fingerprint([folder], {"probe": spec.model_dump(), **device.describe(machine)})
    draws = []
    with (
        checkpoint.store(f"probe-{name}", mark) as checkpoints,
        files.new_folder(Path("data/probes") / name) as heads,
    ):
        for draw in range(len(found.train)):
            records, states = probing.probe(spec, found, draw, where, machine, checkpoints / str(draw))
            probing.save_heads(states, heads, draw)
            probing.tell(name, draw, records)
            draws.append(records)
        files.write_json(heads / "probe.json", {**found.facts, "draws": len(draws)})
        with files.new_folder(Path("data/results/probe") / name) as out:
            files.write_json(out / "probe.json", probing.record(spec, found, draws))
    return device.describe(machine)


if __name__ == "__main__":
    stage(main)
