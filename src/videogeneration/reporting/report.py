"""The report: everything that a run has made and measured, on one page that needs nothing else."""

import base64
import io
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

from videogeneration.data.clips import Clips
from videogeneration.evaluation.predictions import Predictions
from videogeneration.evaluation.rollouts import BASELINES
from videogeneration.evaluation.scoring import headline, summarise
from videogeneration.reporting.comparisons import (
    beside_truth,
    best_and_worst,
    every_sentence,
    long_films,
    not_followed,
)
from videogeneration.reporting.films import mp4_film, strip
from videogeneration.reporting.plots import (
    PANELS,
    confusion_matrices,
    model_colours,
    plot_losses,
    plot_metric,
)
from videogeneration.reporting.sheets import TRUTH, SheetFilm
from videogeneration.reporting.tables import by_protocol, printed
from videogeneration.training.checkpoints import Checkpoint

FILMS = 6
"""Films of one kind on the page, at most: it stays a few megabytes."""

LIBRARIES = ("videogeneration", "torch", "numpy", "pandas", "opencv-python-headless", "av")
TOOLS = ("kedro", "mlflow")

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_MANY = 30  # entries of a list; of a longer one only their number is said


def render_report(
    fps: float,
    settings: Mapping[str, Any],
    *,
    source: str,
    predictions: Predictions,
    clips: Clips,
    scores: pd.DataFrame,
    films: pd.DataFrame,
    following: pd.DataFrame,
    sentences: pd.DataFrame,
    followed: pd.DataFrame,
    confusion: pd.DataFrame,
    long: pd.DataFrame,
    **networks: Checkpoint,
) -> str:
    """The page as HTML; films, plots and style are in it.

    Args:
        fps: Frames a second of the films on the page.
        settings: Of the evaluation, by name.
        source: Its name.
        predictions: Films of every model.
        clips: The whole store that they were drawn from.
        scores: `scores.csv`.
        films: `scored_films.csv`.
        following: `caption_following.csv`.
        sentences: `sentence_following.csv`.
        followed: `followed_films.csv`.
        confusion: `confusion.csv`.
        long: `long.csv`.
        networks: The trained generators by their names in the tables, the last one foremost.
    """
    foremost = list(networks)[-1]
    protocols = [name for name, _ in by_protocol(scores)]
    worst = best_and_worst(predictions, clips, films, protocols[-1], FILMS)
    wrong = not_followed(predictions, clips, followed, foremost, FILMS)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_TEMPLATE.read_text("utf-8")).render(
        source=source,
        models=list(networks),
        foremost=foremost,
        figures=_figures(scores, following, foremost),
        networks=[_network(name, checkpoint) for name, checkpoint in networks.items()],
        clips=_said(clips.report()),
        splits=_splits(clips),
        every_sentence=_films(every_sentence(predictions, clips), fps),
        protocols=[
            {
                "name": name,
                "films": _films(beside_truth(predictions, clips, name, FILMS), fps),
                "table": printed(summary),
                "plots": [
                    (title, _picture(plot_metric(rows, metric))) for metric, title in PANELS.items()
                ],
            }
            for (name, rows), (_, summary) in zip(
                by_protocol(scores), by_protocol(summarise(scores)), strict=True
            )
        ],
        colours=model_colours(scores),
        following=printed(following),
        sentences=_by_sentence(sentences, foremost),
        confusion={
            model: matrix
            for model, matrix in confusion_matrices(confusion).items()
            if model not in BASELINES
        },
        worst=_films(worst, fps),
        wrong=_films(wrong, fps),
        long={
            "table": printed(long),
            "films": _films(long_films(predictions, clips, FILMS), fps),
        },
        settings=_said(settings),
        made={**versions(), "fingerprint of all clips": clips.fingerprint()},
    )


def code_commit() -> str:
    """The git commit of this code, with `-dirty` where it was changed since; or `unknown`."""
    here = Path(__file__)
    git = ["git", "-C", str(here.parent)]
    asked = (["ls-files", here.name], ["describe", "--always", "--abbrev=40", "--dirty"])
    try:
        tracked, commit = (
            subprocess.run([*git, *x], capture_output=True, text=True, check=True).stdout.strip()
            for x in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    # installed below somebody else's repository, the code is not of it
    return commit if tracked else "unknown"


def _figures(scores: pd.DataFrame, following: pd.DataFrame, model: str) -> list[dict[str, str]]:
    """What a reader wants to know first, each beside what it is to be measured by."""
    measured = headline(scores, following, model)
    means = summarise(scores).groupby("model").mean(numeric_only=True)
    own, copied = (means.loc[name].astype(float).to_dict() for name in (model, "copy_last"))
    figures = []
    if "rate" in measured:
        films, true = (following[following["model"] == name] for name in (model, TRUTH))
        said = f"of {films['n'].sum()} films from one picture do what their sentence says"
        beside = f"true films by the same judge: {true['followed'].sum() / true['n'].sum():.0%}"
        figures.append({"value": f"{measured['rate']:.0%}", "says": said, "beside": beside})
    for metric, unit, says in (
        ("foreground_psnr", "dB", "foreground PSNR: how near the figure's pixels are to the truth"),
        ("position_error", "pixels", "from the figure's centre to the true one's"),
        ("presence", "", "presence of the figure: 1 is right, 0 is wiped out"),
    ):
        if pd.notna(own[metric]):
            number = f"{own[metric]:.2f} {unit}".strip()
            beside = f"the last frame repeated: {copied[metric]:.2f}"
            figures.append({"value": number, "says": says, "beside": beside})
    return figures


def _network(name: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """A trained network: what it is, its settings, its curves."""
    described = checkpoint.description()
    inputs = {key: value for key, value in described["inputs"].items() if key != "grammar"}
    if "mse" in inputs and name != "mse":  # of the network that it was trained on from
        inputs["mse"] = f"trained on from a network of {inputs['mse']['mse']['steps']} steps"
    return {
        "name": name,
        "network": described["network"],
        "steps": checkpoint.steps,
        "finished": checkpoint.finished,
        "settings": _said(inputs),
        "curves": _picture(plot_losses(checkpoint.history())),
    }


def _splits(clips: Clips) -> list[tuple[str, int, int, int]]:
    """Clips, frames and different sentences of every split that has any."""
    return [
        (str(name), len(rows), int(rows["length"].sum()), int(rows["caption"].nunique()))
        for name, rows in clips.table.groupby("split", sort=False)
    ]


def _by_sentence(table: pd.DataFrame, foremost: str) -> dict[str, Any]:
    """How often every sentence is followed, a column a model, the worst of `foremost` first."""
    counts = table[~table["model"].isin(BASELINES)].groupby(["asked", "model"], sort=False)
    films = counts[["followed", "n"]].sum()
    rates = (films["followed"].astype(int) / films["n"]).unstack("model")
    numbers = films["n"].unstack("model")
    order = rates.sort_values(foremost).index
    return {"models": list(rates), "rates": rates.loc[order], "numbers": numbers.loc[order]}


def _films(scenes: Iterable[SheetFilm], fps: float) -> list[dict[str, Any]]:
    return [
        {
            "title": scene.title,
            "labels": list(scene.rows),
            "mp4": base64.b64encode(mp4_film(strip(scene), fps)).decode(),
        }
        for scene in scenes
    ]


def _picture(figure: Figure) -> str:
    """A plot as SVG in base64, the same bytes for the same plot."""
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "report"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return base64.b64encode(file.getvalue()).decode()


def _said(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested values as lines of text; what is empty has none."""
    lines: dict[str, str] = {}
    for name, value in values.items():
        key = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping):
            lines |= _said(value, f"{key}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if value:
                some = ", ".join(map(str, value))
                lines[key] = some if len(value) <= _MANY else f"{len(value)} entries"
        elif value is not None:
            lines[key] = f"{value:,}" if type(value) is int else str(value)
    return lines


def versions() -> dict[str, str]:
    """What a result depends on besides clips and settings: commit, libraries, kind of machine."""
    found = {"code": code_commit(), "python": platform.python_version()}
    found |= {name: version(name) for name in (*LIBRARIES, *TOOLS)}
    return {**found, "machine": f"{platform.system()} {platform.machine()}"}
