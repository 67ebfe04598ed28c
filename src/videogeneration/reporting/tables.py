"""Tables for people: which columns are shown, under which heading, with how many digits."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from videogeneration.evaluation.scoring import FRECHET

NAMES = ("model", "caption", "pictures", "source", "name", "network", "finished")
HEADINGS = {name: (name, "") for name in NAMES} | {
    "n": ("n", ""),
    "rate": ("followed", ".0%"),
    "foreground_psnr": ("fg PSNR", ".2f"),
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM", ".2f"),
    "presence": ("presence", ".2f"),
    "position_error": ("pos.\nerror", ".2f"),
    "sharpness": ("sharpness", ".2f"),
    FRECHET: ("Fréchet", ".1f"),
    "last_presence": ("presence\nat last", ".2f"),
    "last_position_error": ("error\nat last", ".2f"),
    "named_right": ("named\nright", ".0%"),
    "diversity": ("diversity", ".2f"),
    "classifier_frechet": ("classifier\nFréchet", ".2f"),
    "left_in_time": ("left\nin time", ".0%"),
    "drift": ("drift", ".1%"),
    "left": ("walked out", ".0%"),
    "still": ("still\ndoes it", ".0%"),
    "parameters": ("parameters", ","),
    "minutes": ("minutes", ".1f"),
    "steps": ("steps", ","),
    "windows_per_second": ("windows\na second", ".1f"),
    "examples_per_second": ("examples\na second", ".1f"),
    "learns_times": ("learns, times\nthe reference", ".2f"),
    "milliseconds_a_frame": ("ms\na frame", ".1f"),
    "draws_times": ("draws, times\nthe reference", ".2f"),
}
"""Heading and format of the columns that are printed."""

TITLES = {
    "scores": "mean over steps, test films only",
    "caption_following": "films from one picture that do what the sentence says",
    "long": "the last frame of long films from one picture",
    "image_scores": "first frames drawn from sentences of the test split",
    "film_following": "films from sentences that do what these say",
    "benchmark_comparison": "after the same minutes, mean over steps, test films only",
    "benchmark_caption_following": "films from one picture that do what the sentence says",
    "benchmark_long": "the last frame of long films from one picture",
    "benchmark_speed": "training, and drawing one film",
}
"""Tables that are printed, in this order."""


@dataclass(frozen=True)
class Column:
    """A column of a table that is shown.

    Attributes:
        heading: What stands above it, in a line or two.
        is_name: Whether its values are words, which stand on the left.
    """

    heading: str
    is_name: bool


def printed(data: pd.DataFrame) -> tuple[Sequence[Column], Sequence[Sequence[str]]]:
    """The columns that have a heading, and their values row by row; not measured is a dash."""
    # differences from a model are named after it
    above = {x: ("above\n" + x[6:], "+.2f") for x in data.columns if x.startswith("above_")}
    headings = HEADINGS | above
    shown = [name for name in data.dropna(axis=1, how="all") if name in headings]
    columns = [Column(headings[name][0], name in NAMES) for name in shown]
    rows = [
        [f"{row[x]:{headings[x][1]}}" if pd.notna(row[x]) else "-" for x in shown]
        for row in data.to_dict("records")
    ]
    return columns, rows


def by_protocol(data: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """A table a protocol, each with its name."""
    if "protocol" not in data:
        return [("", data)]
    parts = data.groupby("protocol", sort=False)
    return [(str(name), rows.drop(columns="protocol")) for name, rows in parts]
