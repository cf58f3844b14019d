"""One file for each augmentation.

Each has a `Spec` with two methods. `draw(images, generator)` makes the random values, one for each image of a batch.
`apply(images, drawn)` gives the changed images, float32 (B, C, H, W), and leaves its argument as it is.

Images are in [0, 1], and are normalized after the last augmentation. `normalize` has neither method: it marks another
place for the run's normalization, and the augmentations after it get normalized images. A module whose name begins
with `_` is shared by several.
"""
