"""The store of predicted films: drawn once, read by everything that scores or shows them.

A store is a folder with `films.parquet` (one row a film) and `frames.arrow` (uint8 frames, a
compressed record batch a film), which is memory-mapped: whoever opens a store of a thousand films
reads the table, and each film when it is asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_float
from videogeneration.evaluation.protocols import Protocol
from videogeneration.stored import reading, whole

_AGAIN = "remove the folder and draw the films again"

KINDS = ("protocol", "own", "swapped", "held_out", "long", "every_sentence")
"""What a film is drawn for: to be compared with its clip step by step under a protocol; from one
picture in mid-clip with the clip's own sentence, with another one, or with one that training never
showed; for many steps, likewise from one picture with its own sentence; or to be looked at, from
the first of these pictures with every sentence that it can be asked."""


@dataclass(frozen=True)
class Prediction:
    """A film that a model draws on from frames of a test clip.

    Attributes:
        film: Its number in the store.
        model: Who draws it.
        protocol: `<context>to<horizon>`: how many frames are given and drawn.
        kind: One of `KINDS`.
        clip: Number of its clip in the whole clip store.
        clip_id: That clip's name.
        newest: Place of the newest given frame in the clip.
        sentence: What the model is told; what the clip shows, but for kinds `swapped` and
            `every_sentence`.
        steps: Number of frames drawn.
    """

    film: int
    model: str
    protocol: str
    kind: str
    clip: int
    clip_id: str
    newest: int
    sentence: str
    steps: int

    def given(self, clips: Clips) -> np.ndarray:
        """The given frames of the whole store's clip, float32 `[context, H, W]` in [0, 1]."""
        first = self.newest + 1 - Protocol.parse(self.protocol).context
        return to_float(clips[self.clip][first : self.newest + 1])

    def true(self, clips: Clips) -> np.ndarray:
        """The clip's frames that follow, float32 `[<= steps, H, W]` in [0, 1]."""
        return to_float(clips[self.clip][self.newest + 1 : self.newest + 1 + self.steps])


@dataclass(frozen=True)
class Predictions:
    """An opened store.

    Attributes:
        folder: Where it lies.
        table: One row a film; its index is the film's number.
    """

    folder: Path
    table: pd.DataFrame

    @classmethod
    def open(cls, folder: Path | str) -> "Predictions":
        """Open a store without reading its frames.

        Raises:
            FileNotFoundError: There is no store.
            ValueError: Table and frames do not belong together.
        """
        folder = Path(folder)
        for name in ("films.parquet", "frames.arrow"):
            if not (folder / name).exists():
                raise FileNotFoundError(
                    f"{folder / name}: no predictions here; run the pipeline's node that draws them"
                )
        with reading(folder / "films.parquet", _AGAIN):
            predictions = cls(folder, pd.read_parquet(folder / "films.parquet"))
        with reading(folder / "frames.arrow", _AGAIN), predictions._reader() as reader:
            films = reader.num_record_batches
        if films != len(predictions.table):
            raise ValueError(f"{folder}: films.parquet and frames.arrow disagree; {_AGAIN}")
        return predictions

    def select(self, **columns: str | int) -> list[Prediction]:
        """The test films whose columns have these values, in the order of the store.

        Args:
            **columns: `model="gan"`, `kind="own"` and so on; all of them must hold.
        """
        rows = self.table
        for name, value in columns.items():
            rows = rows[rows[name] == value]
        names = [field.name for field in fields(Prediction)][1:]
        found = zip(rows.index, *(rows[name] for name in names), strict=True)
        return [Prediction(int(film), *values) for film, *values in found]

    def frames(self, film: int) -> np.ndarray:
        """A film's frames as they are kept, uint8 `[T, H, W]`; read from disk."""
        with reading(self.folder / "frames.arrow", _AGAIN), self._reader() as reader:
            height, width = (int(reader.schema.metadata[side]) for side in (b"height", b"width"))
            frames = reader.get_batch(film).column(0)
            return np.frombuffer(frames.buffers()[1], np.uint8).reshape(-1, height, width)

    def film(self, film: int) -> np.ndarray:
        """A film's frames, float32 `[T, H, W]` in [0, 1]; read from disk."""
        return to_float(self.frames(film))

    def _reader(self) -> pa.ipc.RecordBatchFileReader:
        return pa.ipc.open_file(pa.memory_map(str(self.folder / "frames.arrow")))


def write_predictions(
    folder: Path | str, films: Iterable[tuple[Mapping[str, Any], np.ndarray]]
) -> None:
    """Write a store whole or not at all, in memory that does not grow with the number of films.

    Args:
        folder: The store to write; an earlier one is replaced at the end.
        films: Taken one by one: its row, in which `film` is left out, and its frames, uint8
            `[T, H, W]`, all of one size.

    Raises:
        ValueError: There is no film, or one of another type or size than the first.
    """
    with whole(Path(folder)) as temporary:
        temporary.mkdir()
        rows = _write_frames(temporary / "frames.arrow", films)
        pd.DataFrame(rows).to_parquet(temporary / "films.parquet")


def _write_frames(
    path: Path, films: Iterable[tuple[Mapping[str, Any], np.ndarray]]
) -> list[Mapping[str, Any]]:
    """Write a record batch a film, a row a frame; the films' rows."""
    rows, writer = list[Mapping[str, Any]](), None
    try:
        for row, frames in films:
            if writer is None:
                size = frames.shape[1:]
                schema = pa.schema(
                    [("frame", pa.binary(int(np.prod(size))))],
                    dict(zip(("height", "width"), map(str, size), strict=True)),
                )
                # on generated and recorded frames a quarter smaller than lz4, and as fast
                options = pa.ipc.IpcWriteOptions(compression=pa.Codec("zstd", compression_level=1))
                writer = pa.ipc.new_file(path, schema, options=options)
            if frames.dtype != np.uint8 or frames.ndim != 3 or frames.shape[1:] != size:
                raise ValueError(
                    f"film {len(rows)}: frames are {frames.dtype} {list(frames.shape)}, not uint8 "
                    f"{['T', *size]}"
                )
            pixels = pa.py_buffer(np.ascontiguousarray(frames))
            kind = schema.field(0).type
            batch = pa.FixedSizeBinaryArray.from_buffers(kind, len(frames), [None, pixels])
            writer.write_batch(pa.record_batch([batch], schema=schema))
            rows.append({name: value for name, value in row.items() if name != "film"})
    finally:
        if writer is not None:
            writer.close()
    if not rows:
        raise ValueError("predictions: no film to write")
    return rows
