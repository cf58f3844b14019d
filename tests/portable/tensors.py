"""Operations of PyTorch that the library uses, in the shapes of params.yaml and in small ones.

Blocking and remainders depend on the shape, and what backward does on the layout: hence several of each.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from probeline.augmentations import color_jitter, crop, gaussian_blur, perspective, rotation, sharpness
from probeline.compute.forward import forward
from probeline.compute.root import root
from probeline.compute.view import Resize
from probeline.models import convnet, efficientnet_lite, linear, mlp, resnet, vgg
from probeline.objectives import binary_cross_entropy, cross_entropy, hinge, supervised_contrastive, triplet
from probeline.sweeps.stack import Descent, Sgd, Stack, gradient, losses, one_hot
from probeline.training.engine import epoch_order
from probeline.training.optimizer import Optimizer

Named = Iterator[tuple[str, Any]]

# (B, F, K) of linear layers: of models, probes and lessons.
PRODUCTS = (
    (256, 3072, 10), (64, 3072, 64), (33, 3072, 128), (128, 128, 10), (64, 400, 120), (32, 784, 256), (4, 784, 10),
    (32, 784, 160), (100, 784, 90), (2048, 32, 10), (64, 512, 10), (16, 8192, 128), (32, 6272, 32), (77, 33, 5),
    (1, 64, 3),
)  # fmt: skip
LENGTHS = (1, 7, 64, 1003, 20_000)
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}


def random(*shape: int, seed: int = 0) -> Tensor:
    """float32 from 0 to 1."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def signed(*shape: int, seed: int = 0) -> Tensor:
    """float32, normal."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def products() -> Named:
    for b, f, k in PRODUCTS:
        x, weight, bias, dy = signed(b, f), signed(k, f, seed=1), signed(k, seed=2), signed(b, k, seed=3)
        yield f"product {b}x{f}x{k} forward", functional.linear(x, weight, bias)
        yield f"product {b}x{f}x{k} by weight", dy.T @ x
        yield f"product {b}x{f}x{k} by input", dy @ weight
    for batch, rows, inner, columns in ((64, 1024, 2, 2), (128, 784, 3, 3), (5, 64, 2, 2)):
        yield f"products of {batch}", signed(batch, rows, inner).bmm(signed(batch, inner, columns, seed=1))
    for c, side, out in ((128, 1, 49), (16, 2, 9), (512, 7, 49)):
        yield f"products {c} {side} {out}", signed(8, c, side * side) @ signed(side * side, out, seed=1)


def functions() -> Named:
    """Of single numbers. Not the root, MKL's: compute/root.py; nor its float64 log, tan, asin, atan and log10.

    Those probably begin with instructions (rcpps, rsqrtps) that AMD and Intel each round in a way of their own.
    """
    kinds = ("exp", "log", "log1p", "expm1", "tanh", "sigmoid", "rsqrt", "reciprocal", "square", "round")
    of_each = [random(length) for length in LENGTHS]
    for kind in kinds:
        yield kind, [getattr(torch, kind)(x) for x in of_each]
    yield "root", [root(x) for x in of_each]
    yield "cos sin", [(x.cos(), x.sin(), x.double().deg2rad().cos(), x.double().deg2rad().sin()) for x in of_each]
    yield "power quotient", [(x**2, x**0.25, x / (1 + x)) for x in of_each]
    yield (
        "lerp addcmul remainder",
        [(torch.lerp(x, 1 - x, x), torch.addcmul(x, x, 1 - x, value=-1), (5 * x).remainder(0.3)) for x in of_each],
    )


def reductions() -> Named:
    for shape in ((64, 10), (10, 30, 64), (10, 9, 1024), (8, 16, 7, 7), (3, 20_003)):
        x = signed(*shape)
        dims = range(len(shape))
        yield (
            f"sum mean {shape} by dimension",
            [(x.sum(dim), x.mean(dim), x.sum(dim, dtype=torch.float64)) for dim in dims],
        )
        yield f"softmax {shape}", [(x.softmax(dim), x.log_softmax(dim), x.logsumexp(dim)) for dim in dims]
        yield f"largest {shape}", [(x.max(dim).indices, x.argsort(dim=dim, stable=True)) for dim in dims]
        yield (
            f"sum mean norm std {shape}",
            (x.sum(), x.mean(), x.norm(), x.std(), x.T.sum() if x.ndim == 2 else x.sum()),
        )
        yield f"sum of columns {shape}", x.transpose(0, -1).sum(-1)
    yield "cdist", torch.cdist(signed(100, 32), signed(90, 32, seed=1), compute_mode="donot_use_mm_for_euclid_dist")
    yield "cumsum searchsorted", (signed(1000).cumsum(0), torch.searchsorted(random(50).sort().values, random(99)))


def draws() -> Named:
    def generator() -> torch.Generator:
        return torch.Generator().manual_seed(5)

    for length in (*LENGTHS, (64, 3, 32, 32)):
        shape = length if isinstance(length, tuple) else (length,)
        yield (
            f"drawn {length}",
            (
                torch.rand(shape, generator=generator()),
                torch.rand(shape, generator=generator(), dtype=torch.float64),
                torch.randn(shape, generator=generator()),
                torch.randint(9, shape, generator=generator()),
                torch.empty(shape).uniform_(-3, 2, generator=generator()),
            ),
        )
    yield "orders", (epoch_order(0, 0, 40_000), epoch_order(1, 3, 17))
    torch.manual_seed(3)
    yield "fresh weights", [list(nn.Linear(300, 70).parameters()), list(nn.Conv2d(16, 32, 3).parameters())]
    yield "dropout", functional.dropout(torch.ones(1000), 0.2)


def augmentations() -> Named:
    for shape in ((64, 3, 32, 32), (32, 1, 28, 28), (7, 1, 8, 8)):
        images = random(*shape)
        specs: dict[str, Any] = {
            "crop": crop.Spec(name="crop", padding=4),
            "color_jitter": color_jitter.Spec(
                name="color_jitter", brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05
            ),
            "sharpness": sharpness.Spec(name="sharpness", sharpness_factor=2.0),
            "gaussian_blur": gaussian_blur.Spec(name="gaussian_blur", kernel_size=5),
        }
        for name, spec in specs.items():
            drawn = spec.draw(images, torch.Generator().manual_seed(1))
            yield f"{name} {shape}", spec.apply(images, drawn)


def samples() -> Named:
    """What qemu 7.2 cannot run: it has no AVX2 gather that works."""
    for shape in ((64, 3, 32, 32), (32, 1, 28, 28), (7, 1, 8, 8)):
        images = random(*shape)
        for how in ("nearest", "bilinear"):
            turned = rotation.Spec(name="rotation", degrees=15, interpolation=how)
            yield f"rotation {how} {shape}", turned.apply(images, turned.draw(images, torch.Generator().manual_seed(1)))
            slanted = perspective.Spec(name="perspective", interpolation=how)
            drawn = slanted.draw(images, torch.Generator().manual_seed(1))
            yield f"perspective {how} {shape}", slanted.apply(images, drawn)


def places() -> Named:
    """What comes before a sample: where each pixel is taken from."""
    corners = torch.randint(5, (32, 4, 2), generator=torch.Generator().manual_seed(1))
    square = torch.tensor([[0, 0], [27, 0], [27, 27], [0, 27]])
    sign = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    yield "homography", perspective._homography(square + sign * corners, square.expand_as(corners))
    angles = (random(64) * 30 - 15).double().deg2rad()
    yield "angles", (angles.cos(), angles.sin())


def resizes() -> Named:
    for how in ("bilinear", "bicubic"):
        for shape, side in (((4, 3, 32, 32), 96), ((2, 3, 32, 32), 224), ((3, 1, 28, 28), 12), ((2, 3, 40, 40), 41)):
            pixels = (random(*shape) * 255).round()
            yield f"resize {how} {shape} {side}", Resize(side, side - 1, how)(pixels)
            last = pixels.contiguous(memory_format=torch.channels_last)
            yield f"resize {how} {shape} {side} nhwc", Resize(side, side, how)(last)


def objectives() -> Named:
    generator = torch.Generator().manual_seed(2)
    for images, classes in ((64, 10), (10, 10), (256, 5), (33, 3)):
        labels = torch.randint(classes, (images,), generator=torch.Generator().manual_seed(1))
        every: dict[str, tuple[Any, Tensor]] = {
            "cross_entropy": (cross_entropy.Spec(name="cross_entropy"), signed(images, classes)),
            "hinge": (hinge.Spec(name="hinge"), signed(images, classes)),
            "binary_cross_entropy": (
                binary_cross_entropy.Spec(name="binary_cross_entropy"),
                signed(images, 1),
            ),
            "supervised_contrastive": (
                supervised_contrastive.Spec(name="supervised_contrastive"),
                signed(images, 32),
            ),
            **{
                f"triplet {mining}": (triplet.Spec(name="triplet", mining=mining), signed(images, 32))
                for mining in ("random", "batch_hard", "semi_hard")
            },
        }
        for name, (spec, outputs) in every.items():
            outputs.requires_grad_()
            truth = labels % 2 if name == "binary_cross_entropy" else labels
            loss, used = spec.loss(outputs, truth, generator)
            torch.autograd.backward(loss)
            each = spec.losses(outputs, truth, generator).detach().nan_to_num(-1)
            yield f"{name} {images} {classes}", (loss, torch.as_tensor(used), outputs.grad, each)


def optimizers() -> Named:
    settings: tuple[dict[str, Any], ...] = (
        {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4}, {"name": "sgd", "lr": 0.05},
        {"name": "adam", "lr": 1e-3, "weight_decay": 1e-4}, {"name": "rmsprop", "lr": 1e-3, "momentum": 0.9},
        {"name": "rmsprop", "lr": 1e-3}, {"name": "adagrad", "lr": 0.01},
    )  # fmt: skip
    for spec in settings:
        shapes = ((300, 40), (10,), (10, 7), (16, 3, 3, 3), (1,))
        parameters = [nn.Parameter(signed(*shape)) for shape in shapes]
        last = nn.Parameter(signed(16, 8, 3, 3).contiguous(memory_format=torch.channels_last))
        optimizer = Optimizer(**spec).of([*parameters, last])
        for step in range(12):
            for number, parameter in enumerate([*parameters, last]):
                parameter.grad = signed(*parameter.shape, seed=100 * step + number) ** 3
            nn.utils.clip_grad_norm_([*parameters, last], 5.0)
            optimizer.step()
        yield f"optimizer {spec}", ([*parameters, last], last.grad)


def networks() -> Named:
    """Three steps of SGD of each kind of network, then its outputs: forward, backward, in training and not."""
    nets: dict[str, tuple[Any, tuple[int, int, int], int]] = {
        "linear": (linear.Spec(name="linear"), (3, 32, 32), 64),
        "mlp": (mlp.Spec(name="mlp", hidden=[128, 128]), (3, 32, 32), 128),
        "lenet": (
            convnet.Spec(
                name="convnet", channels=[6, 16], kernel_size=5, padding=0, batch_norm=False, hidden=[120, 84]
            ),
            (3, 32, 32),
            64,
        ),
        "convnet": (
            convnet.Spec(name="convnet", channels=[64, 128], kernel_size=3, padding=1, batch_norm=True, hidden=[512]),
            (3, 32, 32),
            4,
        ),
        "small convnet": (
            convnet.Spec(
                name="convnet", channels=[8, 16], kernel_size=3, padding=1, batch_norm=True, pool="max", hidden=[32]
            ),
            (1, 8, 8),
            61,
        ),
        "vgg": (vgg.Spec(name="vgg", widths=[16, 32, 64, 128, 128], pool=7, embedding=32), (3, 32, 32), 8),
        "resnet": (resnet.Spec(name="resnet", layers=[2, 2], widths=[16, 32], stem="large"), (3, 64, 64), 4),
        "small resnet": (resnet.Spec(name="resnet", layers=[1, 1], widths=[16, 32], stem="small"), (3, 32, 32), 9),
        "efficientnet": (efficientnet_lite.Spec(name="efficientnet_lite", model="lite0"), (3, 64, 64), 2),
    }
    for name, (spec, shape, batch) in nets.items():
        for layout, memory in LAYOUTS.items():
            yield from _trained(f"{name} {layout}", spec, (batch, *shape), memory)


def _trained(name: str, spec: Any, shape: tuple[int, ...], memory: torch.memory_format) -> Named:
    torch.manual_seed(0)
    model = spec.build(shape[1:], 10).to(memory_format=memory)
    images = signed(*shape).contiguous(memory_format=memory)
    labels = torch.arange(len(images)) % 10
    for step in range(2):
        loss = functional.cross_entropy(model.train()(images), labels)
        model.zero_grad()
        torch.autograd.backward(loss)
        yield f"{name} step {step}", [loss, *(one.grad for one in model.parameters())]
        with torch.no_grad():
            for one in model.parameters():
                one.sub_(one.grad, alpha=0.05)
    with torch.no_grad():
        yield f"{name} evaluated", (model.eval()(images), model(images[:1]), list(model.state_dict().values()))


def half() -> Named:
    """bfloat16 is asked of autocast."""
    for name, spec, shape in (
        ("vgg", vgg.Spec(name="vgg", layers=[1, 1], widths=[8, 16], pool=3, head=[16]), (32, 1, 8, 8)),
        ("mlp", mlp.Spec(name="mlp", hidden=[32]), (32, 3, 32, 32)),
    ):
        torch.manual_seed(0)
        model = spec.build(shape[1:], 10)
        out = forward(model, signed(*shape), "bfloat16")
        torch.autograd.backward(out.square().sum())
        yield f"bfloat16 {name}", (out, [one.grad for one in model.parameters()])


def stacks() -> Named:
    """The sweep of linear models in one pass."""
    for points, batch, images in ((9, 32, 784), (18, 64, 784), (3, 10, 64), (6, 10, 784)):
        for spec in (cross_entropy.Spec(name="cross_entropy"), hinge.Spec(name="hinge")):
            start = {"head.weight": signed(10, images) / 30, "head.bias": signed(10, seed=1) / 30}
            stack = Stack.of([start] * points)
            descent = Descent(stack, [Sgd(0.1 / (1 + n), 0.9 * (points == 3), 1e-4, 2e-3) for n in range(points)])
            for step in range(5):
                features = random(batch, images, seed=step)
                hot = one_hot((torch.arange(batch) * (step + 1)) % 10, 10)
                outputs = stack.outputs(features)
                loss = losses(spec, outputs, hot)
                descent.step(gradient(spec, outputs, hot), features)
            yield f"stack {points} {batch} {images} {spec.name}", (stack.weight, stack.bias, loss)


GROUPS = (
    products, functions, reductions, draws, augmentations, places, resizes, objectives, optimizers, networks, half,
    stacks,
)  # fmt: skip
NOT_EMULATED = (samples,)
