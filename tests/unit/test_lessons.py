"""The lessons against exact values, automatic differentiation, finite differences, and the engine."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
import yaml
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.functional import gaussian_blur

from probeline import task as tasks
from probeline.figures import lessons as lessons_figures
from probeline.lessons import autograd, convolution, layers, mlp, results, scalars
from probeline.lessons.autograd import Value
from probeline.lessons.layers import Array, Layer
from probeline.lessons.spec import Blur, Lessons, Matching, Mlp, MlpRun
from probeline.pipeline import files
from probeline.pipeline.errors import UserError
from probeline.pipeline.params import validate
from probeline.task import Task
from probeline.training import engine, seeds
from probeline.training.checkpoint import Checkpoint
from probeline.training.data import of_draw, to_device
from probeline.training.spec import Run
from stages import lessons as stage

SECTION: dict[str, Any] = {
    "tasks": {"mlp": "digits", "convolution": "digits"},
    "d5": {"c": 1.0, "iterations": 100},
    "d7": {"points": [[2, 4, 1], [0.3, 0.7, -0.9]]},
    "mlp": {
        "hidden": 5,
        "seed": 0,
        "runs": {
            "d8": {
                "lr": 0.1,
                "batch_size": 8,
                "epochs": 80,
                "l2": {"strength": 0.01, "form": "sum"},
                "early_stopping": {"metric": "loss", "patience": None},
            }
        },
    },
    "d12": {"images": 2, "channels": 3, "kernel": 5, "sigma": 0.8},
    "d13": {
        "images": 10, "largest_pixel": 255.0, "channels": 2, "kernel": 3, "outputs": "mean", "lr": 1e-5, "l2": 1e-3,
        "clip": None, "batch_sizes": [4], "epochs": 3, "seeds": [0],
    },
    "d14": {
        "images": 10, "largest_pixel": 1.0, "channels": 2, "kernel": 3, "outputs": "sum", "lr": 0.01, "l2": 1e-3,
        "clip": 1.0, "batch_sizes": [1, 4], "epochs": 20, "seeds": [0, 1],
    },
}  # fmt: skip
LESSONS = validate("lessons", SECTION, Lessons)


# D7


@pytest.mark.parametrize("point", list(scalars.REPORTED))
def test_d7_is_exact_to_twelve_digits_and_as_reported(point: tuple[float, float, float]) -> None:
    f, by_x, by_y, by_z = scalars.measured(*point)
    exact = scalars.exact(*point)
    assert (f, by_y, by_z) == pytest.approx((exact[0], exact[2], exact[3]), rel=1e-12, abs=0)
    assert exact[1] == 0
    assert abs(by_x) < 1e-13  # the rounding of pi: sin(pi x) is not 0
    reported = scalars.REPORTED[point]
    assert (f, by_x, by_y) == pytest.approx(reported[:3], rel=1e-12, abs=0)
    cancelled = point == (9.0, 14.0, 3.0)  # there the report has lost its last digits
    assert by_z == pytest.approx(reported[3], rel=1e-8 if cancelled else 1e-12, abs=0)
    if cancelled:
        assert by_z == pytest.approx(2.67216186602e-07, rel=1e-11, abs=0)


def test_d7_between_whole_numbers_is_what_differences_of_many_digits_give() -> None:
    def f(x: Any, y: Any, z: Any) -> Any:
        u = (mpmath.cos(mpmath.pi * x) + mpmath.sin(mpmath.pi * y / 2)) / mpmath.tanh(z**2)
        return mpmath.log(1 / (1 + mpmath.exp(-u)))

    point = (0.3, 0.7, -0.9)
    with mpmath.workdps(50):
        gradient = [float(mpmath.diff(f, point, axis)) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
        value = float(f(*map(mpmath.mpf, point)))
    assert scalars.exact(*point) == pytest.approx((value, *gradient), rel=1e-14)
    assert scalars.measured(*point) == pytest.approx((value, *gradient), rel=1e-12)


def test_gradients_of_all_paths_add_up() -> None:
    x, y = Value(3.0), Value(-2.0)
    z = x * y + 1.0
    result = z * z + x / y + 5 * x  # (xy + 1)^2 + x/y + 5x
    result.backward()
    assert result.data == 25 - 1.5 + 15
    assert x.grad == 2 * -5 * -2 + 1 / -2 + 5  # 2(xy + 1)y + 1/y + 5
    assert y.grad == 2 * -5 * 3 - 3 / 4  # 2(xy + 1)x - x/y^2
    result.backward()  # starts anew
    assert x.grad == 24.5


@pytest.mark.parametrize(
    ("function", "value", "slope"),
    [
        (autograd.log_sigmoid, -800.0, 1.0),
        (autograd.log_sigmoid, 800.0, 0.0),
        (autograd.tanh, -1000.0, 0.0),
        (autograd.tanh, 20.0, 1.6993417021166355e-17),  # 1 / cosh(20)^2; 1 - tanh(20)^2 is 0
    ],
)
def test_far_out_slopes_neither_overflow_nor_cancel(
    function: Callable[[Value], Value], value: float, slope: float
) -> None:
    x = Value(value)
    function(x).backward()
    assert x.grad == pytest.approx(slope, rel=1e-14, abs=0)


# Layers


RNG = np.random.default_rng(0)


def made(*shape: int) -> Array:
    return RNG.normal(size=shape)


Case = tuple[Layer, Array, Callable[..., Tensor]]
CASES: dict[str, Case] = {
    "linear": (layers.Linear(made(3, 4), made(3)), made(5, 4), functional.linear),
    "relu": (layers.ReLU(), made(5, 4), functional.relu),
    **{
        f"convolution-{size}-{padding}": (
            layers.Convolution(made(2, 3, size, size), made(2), padding),
            made(2, 3, 6, 7),
            lambda x, w, b, padding=padding: functional.conv2d(x, w, b, padding=padding),
        )
        for size, padding in ((1, 0), (3, 0), (3, 1), (5, 2), (3, 3))
    },
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_layer_is_that_of_automatic_differentiation(case: Case) -> None:
    layer, x, function = case
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, *layer.parameters)]
    y = function(*tensors)
    dy = made(*y.shape)
    expected = torch.autograd.grad(y, tensors, torch.tensor(dy))
    np.testing.assert_allclose(layer.forward(x), y.detach().numpy(), rtol=1e-12, atol=1e-13)
    for found, wanted in zip([layer.backward(dy), *layer.gradients(dy)], expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_layer_is_that_of_finite_differences(case: Case) -> None:
    layer, x, _ = case
    dy = made(*layer.forward(x).shape)
    gradients = [layer.backward(dy), *layer.gradients(dy)]
    for array, gradient in zip([x, *layer.parameters], gradients, strict=True):
        wanted = differences(lambda: float((layer.forward(x) * dy).sum()), array)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-7)


def differences(value: Callable[[], float], array: Array, step: float = 1e-5) -> Array:
    """The gradient of a value by each element of an array, (f(a + h) - f(a - h)) / 2h."""
    found = np.empty(array.shape)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = value()
        array[index] = kept - step
        found[index] = (above - value()) / (2 * step)
        array[index] = kept
    return found


def test_softmax_cross_entropy() -> None:
    logits, labels = made(6, 4), np.array([0, 3, 1, 1, 2, 0])
    loss, gradient = layers.softmax_cross_entropy(logits, labels)
    tensor = torch.tensor(logits, requires_grad=True)
    expected = functional.cross_entropy(tensor, torch.tensor(labels))
    assert loss == pytest.approx(expected.item(), rel=1e-14)
    np.testing.assert_allclose(gradient, torch.autograd.grad(expected, [tensor])[0].numpy(), atol=1e-15)
    wanted = differences(lambda: layers.softmax_cross_entropy(logits, labels)[0], logits)
    np.testing.assert_allclose(gradient, wanted, atol=1e-9)
    huge, _ = layers.softmax_cross_entropy(np.array([[1000.0, 0.0]]), np.array([1]))
    assert huge == 1000


@pytest.mark.parametrize(("outputs", "factor"), [("sum", 1.0), ("mean", 1 / 8)])
def test_squared_error_and_its_gradient(outputs: Any, factor: float) -> None:
    y, target = made(3, 2, 2, 2), made(3, 2, 2, 2)  # 8 outputs an image
    loss, gradient = layers.squared_error(y, target, outputs)
    assert loss == pytest.approx(factor * np.square(y - target).sum())
    wanted = differences(lambda: layers.squared_error(y, target, outputs)[0], y)
    np.testing.assert_allclose(gradient, wanted, atol=1e-8)


@pytest.mark.parametrize(("form", "loss"), [("sum", 2.5), ("half", 1.25), ("per_image", 0.25)])
def test_l2_and_its_gradient(form: Any, loss: float) -> None:
    weight = np.array([[1.0, -2.0]])  # sum of squares 5, strength 0.5, 10 images
    found, gradient = layers.l2(weight, 0.5, form, 10)
    assert found == pytest.approx(loss)
    wanted = differences(lambda: layers.l2(weight, 0.5, form, 10)[0], weight)
    np.testing.assert_allclose(gradient, wanted, atol=1e-9)


# D8 to D10


@pytest.mark.parametrize("form", ["sum", "half", "per_image"])
def test_training_by_hand_is_that_of_the_engine(task: Task, tmp_path: Path, form: str) -> None:
    shared = {"batch_size": 8, "epochs": 80, "l2": {"strength": 0.01, "form": form}}
    shared["early_stopping"] = {"metric": "loss", "patience": None}
    automatic = Run.model_validate({
        "experiment": "D8", "task": "made", "seeds": [3], "model": {"name": "mlp", "hidden": [5]}, "evaluate_every": 1,
        "objective": {"name": "cross_entropy"}, "optimizer": {"name": "sgd", "lr": 0.1}, **shared,
    })  # fmt: skip
    data = of_draw(to_device(task, automatic, "train.mine", torch.device("cpu")), task, 0)
    torch.manual_seed(3)
    model = seeds.build(automatic, task, "train.mine")
    seeds.place(model, data)
    start = [parameter.detach().numpy().copy() for parameter in model.parameters()]
    network: list[Layer] = [layers.Linear(*start[:2]), layers.ReLU(), layers.Linear(*start[2:])]

    done = engine.fit(model, data, automatic, 3, Checkpoint(tmp_path / "c.pt"))
    history, kept = mlp.fit(
        network, task, MlpRun.model_validate({"lr": 0.1, **shared}), engine_order(task), "lessons.mlp.runs.mine"
    )
    assert len(history) == 80  # epochs of 4 minibatches: 320 steps
    assert kept * 4 == done.step
    for mine, theirs in zip(history, done.history, strict=True):
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-5)
    for found, wanted in zip(
        [parameter for layer in network for parameter in layer.parameters], done.weights.values(), strict=True
    ):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-5, atol=1e-5)
    assert done.history[-1]["validation_loss"] < 0.7 * done.history[0]["validation_loss"]


def engine_order(task: Task) -> Callable[[int], mlp.Indices]:
    return lambda epoch: engine.epoch_order(3, epoch - 1, task.train.shape[1]).numpy()


def test_a_run_scores_the_weights_of_its_best_epoch(task: Task) -> None:
    # At this learning rate the validation loss jumps about, so that the last epoch is not the best.
    section = {**SECTION["mlp"], "runs": {"d8": {**SECTION["mlp"]["runs"]["d8"], "lr": 0.8, "epochs": 13}}}
    record = mlp.train(task, Mlp.model_validate(section), "d8")
    losses = [row["validation_loss"] for row in record["history"]]
    assert record["kept_epoch"] == 1 + losses.index(min(losses)) < record["last_epoch"] == 13
    assert record["scores"]["validation"]["loss"] == pytest.approx(min(losses))
    images = {split: record["scores"][split]["images"] for split in ("train", "validation", "test")}
    assert images == {"train": 30, "validation": 10, "test": 15}
    counts = np.bincount(task.labels[task.test], minlength=3)
    by_class = record["scores"]["test_accuracy_by_class"]
    right = sum(by_class[name] * count for name, count in zip(task.classes, counts, strict=True) if count)
    assert right / 15 == pytest.approx(record["scores"]["test"]["accuracy"])


def test_d8_stops_where_the_validation_loss_rises(task: Task) -> None:
    run = {**SECTION["mlp"]["runs"]["d8"], "lr": 0.8, "early_stopping": {"metric": "loss", "patience": 1}}
    record = mlp.train(task, Mlp.model_validate({**SECTION["mlp"], "runs": {"d8": run}}), "d8")
    losses = [row["validation_loss"] for row in record["history"]]
    assert losses[-1] >= losses[-2]
    assert losses[:-1] == sorted(losses[:-1], reverse=True)
    assert record["last_epoch"] < 80


def test_a_run_that_diverges_is_refused_by_its_key(task: Task) -> None:
    run = {**SECTION["mlp"]["runs"]["d8"], "lr": 1e30}
    with pytest.raises(UserError, match=r"lessons\.mlp\.runs\.d8: diverged: .*; lower lr"):
        mlp.train(task, Mlp.model_validate({**SECTION["mlp"], "runs": {"d8": run}}), "d8")


# D12


def test_the_kernel_is_torchvisions_and_sums_to_one() -> None:
    impulse = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    impulse[..., 4, 4] = 1
    kernel = convolution.gaussian(5, 0.8)
    expected = gaussian_blur(impulse, [5, 5], [0.8])[0, 0, 2:7, 2:7]
    np.testing.assert_allclose(kernel, expected.numpy(), rtol=1e-6)
    assert kernel.sum() == pytest.approx(1, rel=1e-15)
    assert kernel[2, 2] / kernel[2, 0] == pytest.approx(math.exp(4 / (2 * 0.8**2)))


def test_every_channel_of_d12_is_the_blurred_image() -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 9, 3), dtype=np.uint8)
    blurred = convolution.blur(images, Blur(images=2, channels=4, kernel=5, sigma=0.8))
    assert blurred.shape == (2, 4, 8, 9)
    expected = gaussian_blur(torch.tensor(images.mean(3))[:, None], [5, 5], [0.8])
    for channel in range(4):
        inside = blurred[:, channel, 2:-2, 2:-2]  # at the border torchvision mirrors the image
        np.testing.assert_allclose(inside, expected[:, 0, 2:-2, 2:-2].numpy(), rtol=1e-5)


# D13 and D14


@pytest.mark.parametrize("changes", [{}, {"outputs": "sum", "clip": 3.0, "largest_pixel": 1.0, "lr": 0.01, "l2": 0.5}])
def test_matching_is_a_plain_loop_of_automatic_differentiation(changes: dict[str, Any]) -> None:
    spec = LESSONS.d13.model_copy(update=changes)
    images = np.random.default_rng(1).integers(0, 256, (10, 6, 6, 3), dtype=np.uint8)
    found = convolution.match(images, spec, 4, 7)
    x = torch.tensor(images.transpose(0, 3, 1, 2) * spec.largest_pixel / 255)
    rng = np.random.default_rng(7)
    draws = [torch.tensor(rng.uniform(-1, 1, shape)) for shape in 2 * [(2, 3, 3, 3), (2,)]]
    target = functional.conv2d(x, draws[0], draws[1], padding=1)
    weight, bias = (draw.requires_grad_() for draw in draws[2:])
    losses = []
    for _ in range(3):
        norms = []
        for chosen in torch.split(torch.tensor(rng.permutation(10)), 4):
            difference = functional.conv2d(x[chosen], weight, bias, padding=1) - target[chosen]
            each = difference.square().flatten(1)
            loss = (each.mean(1) if spec.outputs == "mean" else each.sum(1)).sum() + spec.l2 * weight.square().sum()
            gradients = torch.autograd.grad(loss, [weight, bias])
            norms.append(difference.norm().item())
            with torch.no_grad():
                for parameter, gradient in zip((weight, bias), gradients, strict=True):
                    clip = math.inf if spec.clip is None else spec.clip
                    parameter.sub_(spec.lr * gradient.clamp(-clip, clip))
        losses.append(np.mean(norms))
    assert found["losses"] == pytest.approx(losses, rel=1e-10)
    norm = (functional.conv2d(x, weight, bias, padding=1) - target).norm().item()
    assert found["norm"] == pytest.approx(norm, rel=1e-10)
    assert found["not_finite"] == {"step": None, "epoch": None, "nan_epoch": None}


def test_an_explosion_is_recorded_with_the_step_at_which_it_is_no_longer_finite() -> None:
    # One pixel of 1, one weight w towards v, no bias in sight of lr: w - v grows by 1 - 2 lr a step, here -1e100.
    images = np.full((2, 1, 1, 1), 255, dtype=np.uint8)
    spec = LESSONS.d13.model_copy(
        update={"largest_pixel": 1.0, "channels": 1, "kernel": 1, "lr": 5e99, "l2": 0.0, "epochs": 9}
    )
    found = convolution.match(images, spec, 1, 0)
    # The gradient of the bias is the same, so the difference grows by 1 - 4 lr: its square passes 1e308 in step 2.
    assert found["not_finite"]["step"] == 2
    assert found["not_finite"]["epoch"] == 1
    assert math.isfinite(found["losses"][0])
    assert found["losses"][1] == math.inf
    assert math.isnan(found["losses"][-1])
    assert len(found["losses"]) == 1 + found["not_finite"]["nan_epoch"] < 9


def test_more_images_than_there_are_is_refused(task: Task) -> None:
    assert (convolution.first_images(task, 2, "lessons.d13") == task.images[task.train[0, :2]]).all()
    with pytest.raises(UserError, match=r"params.yaml: lessons\.d13\.images: 31 are asked for, and the task has 30"):
        convolution.first_images(task, 31, "lessons.d13")


def test_a_run_that_was_done_before_a_stop_is_not_done_again(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/tasks/digits").mkdir(parents=True)
    tasks.save(task, Path("data/tasks/digits"))
    runs = dict.fromkeys(("d8", "d10"), SECTION["mlp"]["runs"]["d8"])
    section = SECTION | {"mlp": SECTION["mlp"] | {"runs": runs}}
    for key in ("d12", "d13", "d14"):
        section |= {key: section[key] | {"images": 2}}
    Path("params.yaml").write_text(yaml.safe_dump({"lessons": section}, sort_keys=False))
    plain, calls = mlp.train, []

    def stopped(*arguments: Any) -> Any:
        calls.append(arguments[2])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments)

    monkeypatch.setattr(mlp, "train", stopped)
    with pytest.raises(KeyboardInterrupt):
        stage.main()
    assert not Path("data/results/lessons").exists()
    stage.main()
    assert calls == ["d8", "d10", "d10"]
    first = Path("data/results/lessons/mlp.json").read_bytes()
    stage.main()
    assert calls[3:] == ["d8", "d10"]
    assert Path("data/results/lessons/mlp.json").read_bytes() == first


# What is published


@pytest.mark.parametrize(
    ("keys", "value", "line"),
    [
        (("d12", "kernel"), 4, "lessons.d12.kernel: 4 has no centre; give an odd number"),
        (("d7", "points"), [[1, 2, 0]], "lessons.d7.points.0: .* z 0.001 from 0"),
        (("d14", "seeds"), [1, 1], "lessons.d14.seeds: names 1 twice"),
        (("d14", "batch_sizes"), [4, 4], "lessons.d14.batch_sizes: names 4 twice"),
        (("mlp", "runs", "d8", "early_stopping", "metric"), "accuracy", "lessons.mlp.runs.d8: .* let it be loss"),
        (("mlp", "runs", "d8", "l2", "on"), "last", "lessons.mlp.runs.d8: .* penalise all weights"),
    ],
)
def test_a_mistake_in_the_section_is_named(keys: tuple[str, ...], value: Any, line: str) -> None:
    def changed(section: Any, keys: tuple[str, ...]) -> Any:
        return (
            {**section, keys[0]: changed(section[keys[0]], keys[1:])} if len(keys) > 1 else {**section, keys[0]: value}
        )

    with pytest.raises(UserError, match=line):
        validate("lessons", changed(SECTION, keys), Lessons)


def test_the_published_numbers(task: Task) -> None:
    images = convolution.first_images(task, 10, "lessons.d14")

    def all_of(spec: Matching) -> list[dict[str, Any]]:
        return [convolution.match(images, spec, size, seed) for size in spec.batch_sizes for seed in spec.seeds]

    lessons: dict[str, Any] = {
        "d5": {"accuracy": {"train": 1.0, "validation": 0.5, "test": 0.25}},
        "d7": scalars.table(LESSONS.d7.points),
        "mlp": [mlp.train(replace(task, test=task.test[task.labels[task.test] < 2]), LESSONS.mlp, "d8")],
        "d13": [{**all_of(LESSONS.d13)[0], "norm": None, "not_finite": {"step": 5, "epoch": 1, "nan_epoch": None}}],
        "d14": all_of(LESSONS.d14),
    }
    lessons["d14"].append({**lessons["d14"][0], "batch_size": 16})
    lessons["d14"].append({**lessons["d14"][0], "batch_size": 16, "norm": None})
    tables, numbers = results.tables(lessons), results.numbers(lessons)
    assert "d14.batch-16.norm" not in numbers  # a mean over the seeds that survived says too much
    assert len(tables["matching_losses"]) == sum(len(run["losses"]) for name in ("d13", "d14") for run in lessons[name])
    assert tables["scalars"].loc[3, "reported"] == "-0.30697227565888"  # every digit
    assert tables["scalars"].loc[4, "reported"] == ""
    assert list(tables["mlp_by_class"].isna().iloc[0]) == [False, False, False, True]  # no bright test image
    first, second = (run["norm"] for run in lessons["d14"][:2])
    assert numbers["d14.batch-1.norm"] == pytest.approx((first + second) / 2)
    assert numbers["d14.batch-1.norm_std"] == pytest.approx(abs(first - second) / math.sqrt(2))
    assert numbers["d13.batch-4.seed-0.first_epoch_not_finite"] == 1
    assert numbers["d5.test_accuracy"] == 0.25
    assert numbers["d7.largest_relative_error"] < 1e-12
    assert numbers["mlp.d8.test_accuracy"] == tables["mlp"].loc[0, "test_accuracy"]


def test_the_figures_are_the_same_bytes_where_losses_are_not_finite(task: Task, tmp_path: Path) -> None:
    images = convolution.first_images(task, 2, "lessons.d12")
    files.write_array(tmp_path / "original.npy", images)
    files.write_array(tmp_path / "blurred.npy", convolution.blur(images, LESSONS.d12))
    lessons = {
        "mlp": [mlp.train(task, LESSONS.mlp, "d8")],
        "d12": {"kernel": convolution.gaussian(5, 0.8).tolist()},
        "d13": [
            {
                "batch_size": 4,
                "seed": 0,
                "losses": [1.0, 1e200, None, None],
                "not_finite": {"step": 5, "epoch": 2, "nan_epoch": 3},
            }
        ],
        "d14": [convolution.match(images, LESSONS.d14, 1, 0)],
    }
    drawn = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        lessons_figures.draw(folder, lessons, tmp_path)
        drawn.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert list(drawn[0]) == ["blur.png", "clipped.png", "explosion.png", "mlp.png"]
    assert drawn[0] == drawn[1]


# D5


def test_the_library_is_the_convex_probe_where_both_are_at_the_optimum(task: Task) -> None:
    from probeline.lessons import baseline
    from probeline.lessons.spec import Library
    from probeline.probes import logistic

    found = baseline.fit(task, Library(c=2.0, iterations=5000))
    assert found["converged"]
    pixels = (task.images.reshape(len(task.images), -1) / 255).astype(np.float32)
    train, validation = task.train[0], task.validation[0]
    ours = logistic.probe(
        logistic.Spec(strengths=[0.25]),
        (pixels[train], task.labels[train]),
        (pixels[validation], task.labels[validation]),
        3,
    )  # C is 1 / (2 strength)
    for split, indices in (("train", train), ("validation", validation), ("test", task.test)):
        assert found["accuracy"][split] == pytest.approx(
            float((ours.predict(pixels[indices]) == task.labels[indices]).mean())
        )
    assert not baseline.fit(task, Library(c=2.0, iterations=2))["converged"]
