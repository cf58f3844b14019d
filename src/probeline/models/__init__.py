"""One file for each model: its specification, and how it is built.

`Spec.build(shape, outputs)` returns a torch.nn.Module for float32 images (B, *shape), shape (C, H, W). It may raise
ValueError where the images do not fit. `_contract.build` calls it and checks that the network keeps to this:

- Its direct children (`named_children`), applied in order, are the network: as in torch.nn.Sequential. Training may
  compute the first ones once, and an encoder is all of them but the head.
- Where `outputs` is a number, the last child is named `head`, and the network maps images to (B, outputs).
- Where `outputs` is None, there is no `head`: the network maps images to an embedding (B, z).
- A network without parameters, as `pixels`, never has a head.

The new initial weights come from PyTorch's global random state. A module whose name begins with `_` is no model, but
what the models share.
"""
