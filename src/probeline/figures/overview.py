"""All runs side by side."""

from pathlib import Path

import pandas as pd

from probeline.figures import style


def draw(path: Path, table: pd.DataFrame) -> None:
    """Draw the test accuracy of every run, with one standard deviation over seeds where there are several.

    Args:
        table: The summary: run, experiment, seeds, train_images, test_accuracy, test_accuracy_std, ...
    """
    height = 1.3 + 0.3 * len(table)
    subtitle = "bars: one standard deviation over seeds; right: training images, steps, seeds"
    figure, (axes,) = style.new(1, 9, height, "Test accuracy of every run", subtitle)
    rows = range(len(table))
    accuracies = table[["test_accuracy", "test_accuracy_std"]].astype(float)
    axes.errorbar(
        accuracies["test_accuracy"],
        rows,
        xerr=accuracies["test_accuracy_std"].fillna(0),
        fmt="o",
        color=style.COLOURS["test"],
        ecolor=style.GREY,
        elinewidth=1.5,
    )
    axes.set_yticks(rows, table["run"])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("test accuracy")
    columns = ("test_accuracy", "test_loss", "train_images", "last_step", "seeds")
    for row, (accuracy, loss, images, steps, seeds) in enumerate(
        zip(*(table[column] for column in columns), strict=True)
    ):
        scale = f"{images:,} images, {steps:,} steps, {seeds} seed{'s' if seeds > 1 else ''}"
        if pd.notna(accuracy):
            value = f"{accuracy:.4f}"
        else:
            value = f"an embedding: test loss {loss:.4f}" if pd.notna(loss) else "diverged"
        axes.text(1.01, row, f"{value}   {scale}", va="center", transform=axes.get_yaxis_transform(), color=style.GREY)
    style.save(figure, path)
