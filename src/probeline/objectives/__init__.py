"""One file for each objective: what is minimized, and what the network's outputs mean.

Each has a `Spec` with:

- `outputs(classes)`: how many numbers the network gives for an image of a task with so many classes. None: the network
  has no head, its output is an embedding. ValueError where the objective does not suit the task.
- `loss(outputs, labels, generator)`: the mean loss of a batch, a scalar, and the number of images that it is the mean
  of. `generator` is for what an objective draws; the others ignore it.
- `losses(outputs, labels, generator)`: the loss of every image of the batch, float32 (B,), nan for an image that the
  objective leaves out. Their mean, without nan, is that of `loss` up to rounding.
- `predict(outputs)`: the class of every image, int64 (B,). An objective for embeddings has none, and no accuracy.
- `scores`: what the outputs are: "logits" (a softmax or sigmoid makes probabilities of them), "margins" (the largest
  one is the class, and there are no probabilities), or None for an embedding.
"""
