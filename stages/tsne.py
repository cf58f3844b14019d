"""tsne@encoder: a map of an encoder's vectors, and the numbers that say how far to trust it."""

from pathlib import Path

from probeline.pipeline.stage import stage


def main(name: str) -> None:
    from probeline.encoders import embedding
    from probeline.maps import tsne
    from probeline.maps.spec import Map
    from probeline.pipeline.folders import new_folder
    from probeline.pipeline.params import read
    from probeline.pipeline.progress import say
    from probeline.results import maps

    drawn = tsne.draw(read(f"maps.{name}", Map), embedding.load(Path("data/embeddings") / name))
    with new_folder(Path("data/results/tsne") / name) as folder:
        maps.save(drawn, folder)
    say(f"{name}: KL divergence {drawn.facts.kl:.3f}, trustworthiness {drawn.facts.trustworthiness:.3f}")


if __name__ == "__main__":
    stage(main)
