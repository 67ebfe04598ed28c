"""Nodes from a source's settings to clips, captions and a preview."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips, ClipStream
from videogeneration.reporting.sheets import preview_sheet
from videogeneration.sources import Source


def make_clips(
    source: Source, block: dict[str, Any], folder: Path
) -> tuple[ClipStream, dict[str, Any]]:
    """Make a source's clips, and say what its grammar is.

    Args:
        source: Where they come from.
        block: All parameters of the source; its own settings are at the top.
        folder: Where raw material that is made here is kept.
    """
    settings = source.read_settings(block)
    return source.make_clips(settings, folder), source.grammar(settings).description()


def report_clips(clips: Clips) -> dict[str, Any]:
    """What came of making the clips."""
    return clips.report()


def encode_captions(clips: Clips, grammar: dict[str, Any]) -> np.ndarray:
    """One-hot matrices of all captions, uint8 `[clips, max_words, vocabulary]`."""
    vocabulary = Grammar.from_description(grammar).vocabulary
    matrices = {text: vocabulary.encode(text) for text in clips.table["caption"].unique()}
    return np.stack([matrices[text] for text in clips.table["caption"]])


def preview(clips: Clips) -> Image.Image:
    """A sheet of sample clips with their captions."""
    return preview_sheet(clips)
