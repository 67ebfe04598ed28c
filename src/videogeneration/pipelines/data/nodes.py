"""Nodes from a source's settings to clips, captions and a preview."""

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips, ClipStream, origin
from videogeneration.reporting.sheets import preview_sheet
from videogeneration.sources import Source

logger = logging.getLogger(__name__)

Make = Callable[[Source, dict[str, Any], Path], tuple[ClipStream, dict[str, Any]]]


def clip_maker(others: Collection[str]) -> Make:
    """The node that makes a source's clips.

    Args:
        others: Names in the source's block of parameters that are not its own settings.
    """

    def make_clips(
        source: Source, block: dict[str, Any], folder: Path
    ) -> tuple[ClipStream, dict[str, Any]]:
        """Clips, and what the source's grammar is; raw material is kept in the folder."""
        settings = source.read_settings(block, others)
        stream = source.make_clips(settings, folder)
        if stream.files is not None:
            stream.origin = origin(settings, stream.files)
        return stream, source.grammar(settings).description()

    return make_clips


def downloader(others: Collection[str]) -> Callable[[Source, dict[str, Any], Path], None]:
    """The node that fetches a source's real data; `others` as in `clip_maker`."""

    def download(source: Source, block: dict[str, Any], folder: Path) -> None:
        """Real data, into the folder that the settings name, or that of the raw material."""
        assert source.download is not None  # else it has no such pipeline
        where = source.download(source.read_settings(block, others), folder)
        logger.info(
            "use it: kedro run --pipelines=%s_gan --params=%s.folder=%s", *(source.name,) * 2, where
        )

    return download


def encode_captions(clips: Clips, grammar: dict[str, Any]) -> np.ndarray:
    """One-hot matrices of all captions, uint8 `[clips, max_words, vocabulary]`."""
    vocabulary = Grammar.from_description(grammar).vocabulary
    matrices = {text: vocabulary.encode(text) for text in clips.table["caption"].unique()}
    return np.stack([matrices[text] for text in clips.table["caption"]])


def preview(clips: Clips) -> Image.Image:
    """A sheet of sample clips with their captions."""
    return preview_sheet(clips)
