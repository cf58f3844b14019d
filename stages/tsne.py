"""tsne@encoder: a map of an encoder's vectors, and the numbers that say how far to trust it."""

from pathlib import Path

from probeline import embedding, tsne, tsne_map
from probeline.pipeline import files
from probeline.pipeline.params import read
from probeline.pipeline.progress import say
from probeline.pipeline.stage import stage


def main(name: str) -> None:
    where = f"maps.{name}"
    spec = read(where, tsne.Spec)
    drawn = tsne.draw(spec, embedding.load(Path("data/embeddings") / name), where)
    with files.new_folder(Path("data/results/tsne") / name) as folder:
        tsne_map.save(drawn, folder)
    facts = drawn.facts
    say(f"{name}: KL divergence {facts['kl']:.3f}, trustworthiness {facts['trustworthiness']:.3f}")


if __name__ == "__main__":
    stage(main)
