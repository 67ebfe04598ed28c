"""Plots of scores over steps, of what is read of films, and of losses over training."""

from collections.abc import Sequence
from itertools import takewhile

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

COLOURS = {
    "truth": "#000000",
    "copy_last": "#8c8c8c",
    "mse": "#0072b2",
    "gan": "#e67800",
    "warp_last": "#b9a27c",
    "original": "#7b4ea3",
}
"""A model's colour, the same in every plot."""

# for models that are not named above, in order of appearance
_OTHERS = ("#009e73", "#cc3377", "#56b4e9", "#a08900", "#5b3a29")

PANELS = {
    "psnr": "PSNR [dB]",
    "foreground_psnr": "foreground PSNR [dB]",
    "ssim": "SSIM",
    "presence": "presence of the figure (1 is right)",
    "position_error": "position error [pixels]",
    "sharpness": "sharpness (1 is right)",
}
_RIGHT_AT_ONE = ("presence", "sharpness")
_MANY = 200  # points; a curve with more is also drawn as a running mean


def plot_scores(scores: pd.DataFrame) -> Figure:
    """Every metric over the steps of a film, a line a model, a block of panels a protocol.

    Args:
        scores: Columns `model`, `protocol`, `step`, `n` and the metrics, as in `scores.csv`. NaN is
            a gap in its line.

    Returns:
        The figure.

    Raises:
        ValueError: The table has no rows.
    """
    if scores.empty:
        raise ValueError("scores: the table has no rows to plot")
    protocols = list(dict.fromkeys(scores["protocol"]))
    colours = model_colours(scores)
    figure = Figure(figsize=(12, 5.8 * len(protocols)), layout="constrained")
    blocks = figure.subfigures(len(protocols), squeeze=False)[:, 0]
    for protocol, block in zip(protocols, blocks, strict=True):
        rows = scores[scores["protocol"] == protocol]
        block.suptitle(_heading(protocol, rows), fontweight="bold")
        panels = block.subplots(2, 3, sharex=True)
        for (metric, title), axes in zip(PANELS.items(), panels.flat, strict=True):
            _plot_metric(axes, rows, metric, colours)
            _dress(axes, title)
        for axes in panels[-1]:
            axes.set_xlabel("step")
        handles, labels = panels.flat[0].get_legend_handles_labels()
        block.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return figure


def plot_metric(scores: pd.DataFrame, metric: str) -> Figure:
    """One metric over the steps of a film under one protocol, a line a model, without a title."""
    figure, panels = _panels(1, 1, 4, 2.5)
    (axes,) = panels.flat
    _plot_metric(axes, scores, metric, model_colours(scores))
    _dress(axes, "")
    axes.set_xlabel("step", fontsize=9)
    return figure


def _plot_metric(axes: Axes, rows: pd.DataFrame, metric: str, colours: dict[str, str]) -> None:
    for model, line in rows.groupby("model", sort=False):
        axes.plot(
            line["step"],
            line[metric],
            color=colours[str(model)],
            label=model,
            marker="o",
            markersize=3.5,
            # after a single given frame it lies exactly on copy_last: let both be seen
            linestyle="--" if model == "warp_last" else "-",
        )
    if metric in _RIGHT_AT_ONE:
        axes.axhline(1, color="black", linewidth=0.8, linestyle=":")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def plot_confusion(confusion: pd.DataFrame) -> Figure:
    """What was asked and what was read instead, a matrix a model.

    Args:
        confusion: Columns `model`, `asked`, `read`, `n`, as in `confusion.csv`.

    Returns:
        The figure: a row an asked clause, with its number of films, and in its fields the share in
        per cent that was read as each of the others; a field of none is empty.

    Raises:
        ValueError: The table has no rows.
    """
    if confusion.empty:
        raise ValueError("confusion: the table has no rows to plot")
    matrices = confusion_matrices(confusion)
    models, (asked, read) = list(matrices), next(iter(matrices.values())).axes
    columns = min(2, len(models))
    rows = -(-len(models) // columns)
    size = (columns * (2.2 + 0.5 * len(read)), rows * (1.8 + 0.4 * len(asked)))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for model, axes in zip(models, panels, strict=False):
        counts = matrices[model]
        films = counts.sum(axis=1)
        shares = 100 * counts.div(films.clip(lower=1), axis=0).to_numpy()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
        for y, x in zip(*shares.nonzero(), strict=True):
            share = shares[y, x]
            colour = "white" if share > 60 else "black"
            axes.text(x, y, f"{share:.0f}", ha="center", va="center", color=colour, fontsize=8)
        axes.set_title(f"{model}: asked (rows), read (columns), %", fontsize=10, loc="left")
        axes.set_yticks(range(len(asked)), [f"{x} ({films[x]})" for x in asked], fontsize=8)
        axes.set_xticks(
            range(len(read)),
            list(read),
            fontsize=8,
            rotation=40,
            ha="right",
            rotation_mode="anchor",
        )
    for axes in panels:
        axes.set_axis_off()
    return figure


def confusion_matrices(confusion: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """How many figures that were asked for one clause were read as each, a matrix a model.

    Args:
        confusion: Columns `model`, `asked`, `read`, `n`, as in `confusion.csv`.

    Returns:
        Rows are asked, columns read, the same for every model, without the words that all have.
    """
    asked = sorted(set(confusion["asked"]))
    read = [*asked, *sorted(set(confusion["read"]) - set(asked))]
    names = dict(zip(read, _without_common_words(read, asked), strict=True))
    matrices = {}
    for model, rows in confusion.groupby("model", sort=False):
        counts = rows.pivot_table("n", "asked", "read", "sum", fill_value=0)
        counts = counts.reindex(index=asked, columns=read, fill_value=0)
        matrices[str(model)] = counts.rename(index=names, columns=names)
    return matrices


def _without_common_words(texts: Sequence[str], like: Sequence[str]) -> list[str]:
    """Texts without the words with which several of them, `like`, all begin."""
    words = zip(*(text.split() for text in like), strict=False)
    common = [some[0] for some in takewhile(lambda some: len(set(some)) == 1, words)]
    return [text.removeprefix(" ".join([*common, ""])) for text in texts]


def plot_losses(history: pd.DataFrame) -> Figure:
    """Curves of a training, a panel a name.

    Args:
        history: Column `step`, then a column a curve. NaN where a curve has no value at a step
            (a validation every so often); curves without any value are left out.

    Returns:
        The figure. A curve of many points is drawn faintly, with its running mean on top; one that
        stays positive and spans more than a factor of 30 is drawn on a logarithmic scale.

    Raises:
        ValueError: No curve has a value.
    """
    names = [name for name in history.columns if name != "step" and history[name].notna().any()]
    if not names:
        raise ValueError("history: the table has no curve to plot")
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, panels = _panels(rows, columns, 4.2, 2.9)
    for name, axes in zip(names, panels.flat, strict=False):
        curve = history[["step", name]].dropna()
        _plot_curve(axes, curve["step"], curve[name])
        _dress(axes, str(name).replace("_", " "))
        axes.set_xlabel("training step")
    for axes in panels.flat[len(names) :]:
        axes.set_axis_off()
    return figure


def _panels(rows: int, columns: int, width: float, height: float) -> tuple[Figure, np.ndarray]:
    """A figure of equal panels, each so many inches with what stands around it.

    To measure what that needs would take longer than to draw.
    """
    left, right, bottom, top = 0.7, 0.1, 0.5, 0.3
    figure = Figure(figsize=(columns * width, rows * height))
    figure.subplots_adjust(
        left=left / (columns * width),
        right=1 - right / (columns * width),
        bottom=bottom / (rows * height),
        top=1 - top / (rows * height),
        wspace=(left + right) / (width - left - right),
        hspace=(bottom + top) / (height - bottom - top),
    )
    return figure, np.asarray(figure.subplots(rows, columns, squeeze=False))


def _plot_curve(axes: Axes, steps: "pd.Series[int]", values: "pd.Series[float]") -> None:
    colour = COLOURS["mse"]
    if len(values) > _MANY:
        axes.plot(steps, values, color=colour, alpha=0.25, linewidth=0.7)
        smooth = values.rolling(len(values) // 50, center=True, min_periods=1).mean()
        axes.plot(steps, smooth, color=colour)
    else:
        axes.plot(steps, values, color=colour, marker="o" if len(values) < 30 else None, ms=3.5)
    if values.min() > 0 and values.max() > 30 * values.min():
        axes.set_yscale("log")


def model_colours(table: pd.DataFrame) -> dict[str, str]:
    """A colour for every model of a table, in which it is the column `model`."""
    models = list(dict.fromkeys(table["model"]))
    others = [model for model in models if model not in COLOURS]
    drawn = {model: _OTHERS[index % len(_OTHERS)] for index, model in enumerate(others)}
    return {model: COLOURS.get(model) or drawn[model] for model in models}


def _heading(protocol: str, rows: pd.DataFrame) -> str:
    """A protocol's name and how many films it speaks for at its first and last step."""
    # every model is scored on the same films
    films = rows.groupby("step")["n"].max()
    first, last = films.index.min(), films.index.max()
    return f"{protocol}: {films[first]} films at step {first}, {films[last]} at step {last}"


def _dress(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=9)
