"""Nodes from a source's settings to clips, captions and a preview."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips, ClipStream, origin
from videogeneration.reporting.sheets import preview_sheet
from videogeneration.sources import SOURCES

logger = logging.getLogger(__name__)


def make_clips(
    source: str, block: dict[str, Any], folder: Path
) -> tuple[ClipStream, dict[str, Any]]:
    """Clips, and what the source's grammar is; raw material is kept in the folder."""
    own = SOURCES[source]
    settings = own.read_settings(block, others=block)  # `RunHooks` has refused what nobody reads
    stream = own.make_clips(settings, folder)
    if stream.files is not None:
        stream.origin = origin(settings, stream.files)
    return stream, own.grammar(settings).description()


def download(source: str, block: dict[str, Any], folder: Path) -> None:
    """Real data, into the folder that the settings name, or that of the raw material."""
    own = SOURCES[source]
    assert own.download is not None  # else it has no such pipeline
    where = own.download(own.read_settings(block, others=block), folder)
    logger.info("use it: kedro run --pipelines=%s_gan --params=%s.folder=%s", source, source, where)


def encode_captions(clips: Clips, grammar: dict[str, Any]) -> np.ndarray:
    """One-hot matrices of all captions, uint8 `[clips, max_words, vocabulary]`."""
    vocabulary = Grammar.from_description(grammar).vocabulary
    matrices = {text: vocabulary.encode(text) for text in clips.table["caption"].unique()}
    return np.stack([matrices[text] for text in clips.table["caption"]])


def preview(clips: Clips) -> Image.Image:
    """A sheet of sample clips with their captions."""
    return preview_sheet(clips)
