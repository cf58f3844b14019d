"""What is known of an embedding, for whoever reads it: probes, maps, fine-tunings and the summary."""

from probeline.results.record import Part


class Embedded(Part):
    """Where the vectors of an encoder come from.

    Attributes:
        source, weights, seed, task: As in params.yaml.
        resize: Side to which the images were resized; None: they were not.
        shape: (C, H, W) of the images that the network read.
        dataset: Of the task.
        source_dataset: What the source was trained on; None for none.
        model: The name of its network.
        top1: Published accuracy of the source on its own dataset, from 0 to 1.
        parameters: Numbers of the network without its head.
        dimensions: Of a vector.
        seen: By split, how many images of the task the weights were trained on, the most of any resample.
    """

    source: str
    weights: str
    seed: int
    task: str
    resize: int | None
    shape: tuple[int, int, int]
    dataset: str
    source_dataset: str | None
    model: str
    top1: float | None
    parameters: int
    dimensions: int
    seen: dict[str, int]
