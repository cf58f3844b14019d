"""What can be looked at of a run before it is trained."""

import numpy as np
import torch

from probeline.tasks.task import Task
from probeline.training.job import Job
from probeline.training.looks import examples, layer_table
from tests.unit.training.made import AUGMENT, HALF, VGG, on_device, spec


def test_the_layer_table_names_every_layer(task: Task) -> None:
    with torch.device("meta"):
        model = Job.of(spec(model=VGG)).build(task)
    table = layer_table(model, (1, 4, 4))
    for text in ("conv1_1", "norm1_1", "embedding", "head", "Total params: 131", "Total mult-adds (M)"):
        assert text in table


def test_examples_show_what_the_network_sees(task: Task) -> None:
    run = spec(augment=AUGMENT[:2], normalize=HALF)
    found = examples(on_device(task, run))
    assert found is not None
    assert found.shape == (2, 8, 4, 4, 1)
    assert found.dtype == np.uint8
    before, after = found
    np.testing.assert_array_equal(before, task.images[task.train[0][:8]])
    crop = run.augment[0]
    images = torch.tensor(before).permute(0, 3, 1, 2) / 255
    expected = crop.apply(images, crop.draw(images, torch.Generator().manual_seed(0))) * 255
    np.testing.assert_array_equal(after, expected.round().to(torch.uint8).permute(0, 2, 3, 1).numpy())


def test_without_augmentation_there_is_nothing_to_show(task: Task) -> None:
    assert examples(on_device(task, spec())) is None
