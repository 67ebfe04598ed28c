"""Plots say what the table says."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from videogeneration.evaluation.metrics import METRICS
from videogeneration.reporting.plots import COLOURS, plot_confusion, plot_losses, plot_scores


def scores(models: list[str], protocols: list[str]) -> pd.DataFrame:
    """A score table whose metrics are all `step` times the model's place."""
    return pd.DataFrame(
        [
            {
                "model": model,
                "protocol": protocol,
                "step": step,
                "n": 9 - step,
                **dict.fromkeys(METRICS, float(step * place)),
            }
            for protocol in protocols
            for place, model in enumerate(models, start=1)
            for step in range(1, 5)
        ]
    )


def test_metrics_have_a_panel_and_every_model_its_line() -> None:
    figure = plot_scores(scores(["copy_last", "mse", "mine"], ["1to10", "5to10"]))
    # who has left in time is asked at a few steps only: no line
    assert len(figure.axes) == 2 * len(set(METRICS) - {"left_in_time"})
    for axes in figure.axes:
        lines = {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}
        assert list(lines) == ["copy_last", "mse", "mine"]
        np.testing.assert_array_equal(lines["mse"].get_xdata(), [1, 2, 3, 4])
        np.testing.assert_array_equal(lines["mse"].get_ydata(), [2, 4, 6, 8])
        assert to_hex(lines["mse"].get_color()) == COLOURS["mse"]
        assert len({to_hex(line.get_color()) for line in lines.values()}) == 3


def test_a_block_says_how_many_films_it_speaks_for() -> None:
    figure = plot_scores(scores(["mse"], ["1to10"]))
    assert figure.subfigs[0].get_suptitle() == "1to10: 8 films at step 1, 5 at step 4"


def test_what_is_absent_is_a_gap() -> None:
    table = scores(["mse"], ["1to10"])
    table.loc[1, list(METRICS)] = np.nan
    figure = plot_scores(table)
    assert np.isnan(figure.axes[0].lines[0].get_ydata()[1])
    figure.savefig(io.BytesIO(), format="png")


def test_losses_have_a_panel_a_curve_and_leave_out_what_has_no_value() -> None:
    steps = np.arange(1, 1001)
    history = pd.DataFrame(
        {
            "step": steps,
            "loss": 1 / steps,
            "validation_psnr": np.where(steps % 100 == 0, 20.0, np.nan),
            "never": np.nan,
        }
    )
    figure = plot_losses(history)
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes if axes.lines}
    assert list(panels) == ["loss", "validation psnr"]
    assert panels["loss"].get_yscale() == "log"
    assert len(panels["loss"].lines) == 2
    np.testing.assert_array_equal(
        panels["validation psnr"].lines[0].get_xdata(), range(100, 1001, 100)
    )
    figure.savefig(io.BytesIO(), format="png")


def test_empty_tables_are_refused() -> None:
    with pytest.raises(ValueError, match="scores: the table has no rows"):
        plot_scores(scores([], []))
    with pytest.raises(ValueError, match="history: the table has no curve"):
        plot_losses(pd.DataFrame({"step": [1], "loss": [np.nan]}))


def test_confusion_has_a_matrix_a_model_with_shares_of_what_was_read() -> None:
    left, right = (f"a person is walking to the {side}" for side in ("left", "right"))
    rows = [("mse", left, left, 3), ("mse", left, "nothing", 1), ("gan", right, left, 2)]
    table = pd.DataFrame(rows, columns=["model", "asked", "read", "n"])
    figure = plot_confusion(table)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left").split(":")[0] for axes in shown] == ["mse", "gan"]
    mse, gan = (np.asarray(axes.images[0].get_array()) for axes in shown)
    np.testing.assert_array_equal(mse, [[75, 0, 25], [0, 0, 0]])
    np.testing.assert_array_equal(gan, [[0, 0, 0], [100, 0, 0]])
    assert [text.get_text() for text in shown[0].get_xticklabels()] == ["left", "right", "nothing"]
    assert [text.get_text() for text in shown[0].get_yticklabels()] == ["left (4)", "right (0)"]
    with pytest.raises(ValueError, match="confusion: the table has no rows"):
        plot_confusion(table[:0])
