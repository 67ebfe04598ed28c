"""Nodes from raw recordings, or synthetic scenes, to clips, captions and a preview."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from videogeneration.captions import ActionGrammar, Grammar, SceneGrammar
from videogeneration.data.clips import Clips, ClipWriter
from videogeneration.reporting.sheets import preview_sheet
from videogeneration.sources.digits import idx_digits, optdigits
from videogeneration.sources.icons import icons
from videogeneration.sources.kth.extraction import KthSettings, extract_clips
from videogeneration.sources.kth.sequences import unknown_name
from videogeneration.sources.people.recordings import PeopleSettings, render_recordings
from videogeneration.sources.scenes import SceneSettings, make_clips
from videogeneration.sources.sprites import Sprites

logger = logging.getLogger(__name__)

KTH_SOURCES = ("rendered", "recorded")
DIGIT_SOURCES = ("optdigits", "idx")


def prepare_recordings(
    source: str, folder: str | None, walkers: PeopleSettings, rendered_folder: Path
) -> str:
    """Where the recordings are: rendered here, or in the user's folder.

    Raises:
        ValueError: An unknown source, or recordings are asked for without a folder.
    """
    if source not in KTH_SOURCES:
        raise ValueError(unknown_name("kth.source", source, KTH_SOURCES))
    if source == "rendered":
        return str(render_recordings(rendered_folder, walkers))
    if not folder:
        raise ValueError(
            "kth.folder is empty: name the folder of the KTH recordings, "
            "--params=kth.source=recorded,kth.folder=PATH"
        )
    return str(folder)


def extract_recordings(
    recordings: str,
    actions: Any,
    split: Any,
    test_subjects: Any,
    clips: dict[str, Any],
    clips_folder: Path,
) -> tuple[Clips, dict[str, Any], dict[str, Any]]:
    """Read recordings into a clip store; also the report and the grammar."""
    chosen = {"actions": actions, "split": split, "test_subjects": test_subjects or ()}
    settings = KthSettings(**chosen, **clips)
    with ClipWriter(clips_folder, settings.size, settings.size) as writer:
        report = extract_clips(Path(recordings), writer, settings)
    return Clips.open(clips_folder), report.to_dict(), ActionGrammar(settings.actions).description()


def draw_icons(elements: Sequence[str]) -> Sprites:
    """Draw the pictures of the icons."""
    return icons(tuple(elements))


def read_digits(source: str, folder: str | None, seed: int) -> Sprites:
    """Read handwritten digits.

    Raises:
        ValueError: An unknown source, or IDX files are asked for without a folder.
    """
    if source not in DIGIT_SOURCES:
        raise ValueError(unknown_name("mnist.source", source, DIGIT_SOURCES))
    if source == "optdigits":
        return optdigits(seed)
    if not folder:
        raise ValueError(
            "mnist.folder is empty: name the folder of the IDX files, "
            "--params=mnist.source=idx,mnist.folder=PATH"
        )
    return idx_digits(folder, seed)


def make_scenes(
    sprites: Sprites,
    scenes: dict[str, Any],
    held_out: Sequence[Sequence[str]],
    counts: dict[str, int],
    seed: int,
    clips_folder: Path,
) -> tuple[Clips, dict[str, Any], dict[str, Any]]:
    """Draw scenes into a clip store; also a report and the grammar."""
    settings = SceneSettings(**scenes, held_out=tuple((e, m) for e, m in held_out))
    with ClipWriter(clips_folder, settings.canvas, settings.canvas) as writer:
        make_clips(writer, sprites, settings, counts, seed)
    clips = Clips.open(clips_folder)
    report = {"clips": clips.table["split"].value_counts().to_dict(), "counts": counts}
    return clips, json.loads(json.dumps(report)), SceneGrammar(sprites.elements).description()


def encode_captions(clips: Clips, grammar: dict[str, Any]) -> np.ndarray:
    """One-hot matrices of all captions, uint8 `[clips, max_words, vocabulary]`."""
    vocabulary = Grammar.from_description(grammar).vocabulary
    matrices = {text: vocabulary.encode(text) for text in clips.table["caption"].unique()}
    return np.stack([matrices[text] for text in clips.table["caption"]])


def preview(clips: Clips) -> Image.Image:
    """A sheet of sample clips with their captions."""
    return preview_sheet(clips)
