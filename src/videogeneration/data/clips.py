"""Clips: what a source makes, and the store that keeps them.

A store is a folder with `frames.npy` (uint8 `[N, H, W]`, all clips end to end) and `clips.parquet`
(one row a clip: `clip_id`, `start`, `length`, `split`, `caption` and what the source knows).
`labels/<name>.npy` says what is known of every frame, row by row beside the frames (`poses` and
`poses_valid`, `keypoints`); `backgrounds.npy` what is behind the figures of every clip;
`sequences/<name>.npy` holds labels of sequences without pictures, where a source knows more motions
than it shows, and their sentences (`caption`); `report.json` what came of making it all, and
`origin.txt` a digest of what it was made from. Arrays stay on disk, memory-mapped.
"""

import hashlib
import json
import logging
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from videogeneration.stored import reading, whole

logger = logging.getLogger(__name__)

_PACKAGE = Path(__file__).parents[1]
_MAKE_CLIPS = (
    *(f"{part}/**/*.py" for part in ("captions", "data", "sources", "vision")),
    "models/people/skeleton.py",  # the order of keypoints
)

HISTORY = 10
"""Number of past frames that a network sees."""

AT_ONCE = 50
"""Clips, or batches of them, that are read before their memory is given back."""

_Item = TypeVar("_Item")

SPLITS = ("train", "validation", "test")

FIRST_COLUMNS = ["clip_id", "start", "length", "split", "caption"]


@dataclass(frozen=True)
class Clip:
    """One clip.

    Attributes:
        frames: uint8 `[n, H, W]`, at least two.
        row: Its row in the clips' table: `clip_id`, `split`, `caption`, `view_start`, `view_end`
            (first frame with the figure well in view, and the one after the last; all frames where
            they are left out) and what the source knows.
        labels: What the source knows of every frame, arrays `[n, ...]` by name. All clips of a
            store have the same ones. Where the figures are is `poses`, float32 `[n, P, 3]`: column
            and row in pixels, and turns clockwise; where that is known is `poses_valid`, bool
            `[n, P]`.
        background: uint8 `[H, W]`: what is behind the figures; None where nobody knows.
    """

    frames: np.ndarray
    row: Mapping[str, Any]
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    background: np.ndarray | None = None


@dataclass
class ClipStream:
    """Clips one after another, and what there is to report of them when all have been taken.

    Attributes:
        size: Height and width of every frame in pixels.
        clips: Made while they are taken.
        report: What came of it, plain values; complete when the last clip has been taken.
        sequences: Labels of M sequences of L frames without pictures, arrays `[M, L, ...]` by name,
            and their sentences, `caption` str `[M]`; empty where there are none.
        files: All files that they are made from; None where they are made anew in every run.
        origin: Digest of everything that they are made from, see `origin`; empty where it is not
            known.
    """

    size: tuple[int, int]
    clips: Iterable[Clip]
    report: dict[str, Any] = field(default_factory=dict)
    sequences: Mapping[str, np.ndarray] = field(default_factory=dict)
    files: Sequence[Path] | None = None
    origin: str = ""


def origin(settings: Any, files: Iterable[Path]) -> str:
    """A digest of everything that decides clips: settings, files, and the code that makes them.

    Args:
        settings: A dataclass.
        files: Their contents count, and what they are called, but not where they lie.
    """
    # as many processes as there may be make the same clips
    said = asdict(settings, dict_factory=lambda x: {k: v for k, v in x if k != "processes"})
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode())
    code = (path for pattern in _MAKE_CLIPS for path in _PACKAGE.glob(pattern))
    for name, contents in sorted((x.name, _digest(x)) for x in (*code, *files)):
        digest.update(name.encode() + contents)
    return digest.hexdigest()[:16]


def _digest(path: Path) -> bytes:
    """Of a file's contents; of none where it cannot be read, which whoever needs it will say."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


class _Rows:
    """An array in a `.npy` file that grows while its rows are appended.

    Args:
        file: Opened for writing.
        like: An array with rows of the right shape and type.
    """

    def __init__(self, file: BinaryIO, like: np.ndarray) -> None:
        self._file = file
        self._shape, self._dtype, self._count = like.shape[1:], like.dtype, 0
        self._write_header()

    def _write_header(self) -> None:
        # numpy pads the header so that it keeps its size while the first dimension grows
        self._file.seek(0)
        descr = np.lib.format.dtype_to_descr(self._dtype)
        shape = (self._count, *self._shape)
        header = {"shape": shape, "fortran_order": False, "descr": descr}
        np.lib.format.write_array_header_1_0(self._file, header)

    def fits(self, rows: np.ndarray) -> bool:
        return rows.shape[1:] == self._shape and rows.dtype == self._dtype

    def append(self, rows: np.ndarray) -> None:
        if rows.any():
            self._file.write(np.ascontiguousarray(rows).data)
        else:  # a hole, which takes neither time nor room: recordings have no silhouettes
            self._file.seek(rows.nbytes, os.SEEK_CUR)
        self._count += len(rows)

    def finish(self) -> None:
        self._file.truncate()
        self._write_header()


class _Writer:
    """Writes clips into a folder, one after another.

    Args:
        folder: An empty folder.
        size: Height and width of every frame in pixels.
        files: Closes the files that are opened here.
    """

    def __init__(self, folder: Path, size: tuple[int, int], files: ExitStack) -> None:
        self._folder, self._size, self._files = folder, size, files
        picture = np.empty((0, *size), np.uint8)
        self._frames, self._backgrounds = (
            self._open(name, picture) for name in ("frames", "backgrounds")
        )
        self._labels: dict[str, _Rows] = {}
        self.rows: list[dict[str, Any]] = []
        self._count = 0

    def _open(self, name: str, like: np.ndarray) -> _Rows:
        path = self._folder / f"{name}.npy"
        path.parent.mkdir(exist_ok=True)
        rows = _Rows(self._files.enter_context(path.open("wb")), like)
        # before the file is closed: what was opened last ends first
        self._files.callback(rows.finish)
        return rows

    def append(self, clip: Clip) -> None:
        """Add a clip.

        Raises:
            ValueError: Its frames, labels or background are not those of this store.
        """
        name, (height, width), length = clip.row.get("clip_id"), self._size, len(clip.frames)
        if not self._frames.fits(clip.frames):
            raise ValueError(
                f"clip {name}: frames are {clip.frames.dtype} {clip.frames.shape}, not uint8 "
                f"[n, {height}, {width}]"
            )
        if length < 2:
            raise ValueError(f"clip {name}: a clip needs at least two frames")
        if not self.rows:
            self._labels = {key: self._open(f"labels/{key}", x) for key, x in clip.labels.items()}
        if self._labels.keys() != clip.labels.keys():
            raise ValueError(
                f"clip {name}: has the labels {', '.join(clip.labels) or 'none'}, the first clip "
                f"{', '.join(self._labels) or 'none'}; all clips have the same ones"
            )
        for key, values in clip.labels.items():
            if len(values) != length or not self._labels[key].fits(values):
                raise ValueError(
                    f"clip {name}: {key} is {values.dtype} {list(values.shape)} for {length} "
                    "frames; give a row a frame, of the same shape and type for every clip"
                )
        background = np.zeros(self._size, np.uint8) if clip.background is None else clip.background
        if not self._backgrounds.fits(background[None]):
            raise ValueError(
                f"clip {name}: the background is {background.dtype} {background.shape}, not uint8 "
                f"{self._size}"
            )
        self._frames.append(clip.frames)
        self._backgrounds.append(background[None])
        for key, values in clip.labels.items():
            self._labels[key].append(values)
        known = {"background_valid": clip.background is not None}
        view = {"view_start": 0, "view_end": length}
        self.rows.append({**view, **clip.row, "start": self._count, "length": length, **known})
        self._count += length


_ORIGIN = "origin.txt"


def write_clips(folder: Path | str, stream: ClipStream) -> "Clips":
    """Write a clip store whole or not at all, in memory that does not grow with its frames.

    Args:
        folder: The store; an earlier one is replaced at the end. One of the same origin stays, and
            no clip is taken.
        stream: The clips.

    Raises:
        ValueError: A clip does not fit the others, or there is none; and whatever the stream
            raises.
    """
    folder = Path(folder)
    with suppress(OSError, ValueError):  # none, or a damaged one
        if stream.origin and (folder / _ORIGIN).read_text() == stream.origin:
            same = Clips.open(folder)
            logger.info("%s: made before from the same settings, files and code", folder)
            return same
    with whole(folder) as temporary:
        temporary.mkdir()
        with ExitStack() as files:
            writer = _Writer(temporary, stream.size, files)
            for clip in stream.clips:
                writer.append(clip)
        if not writer.rows:
            raise ValueError(f"{folder}: no clip to write")
        table = pd.DataFrame(writer.rows)
        table = table[FIRST_COLUMNS + [name for name in table if name not in FIRST_COLUMNS]]
        table.to_parquet(temporary / "clips.parquet", index=False)
        (temporary / "sequences").mkdir()
        for name, values in stream.sequences.items():
            np.save(temporary / "sequences" / f"{name}.npy", values, allow_pickle=False)
        (temporary / "report.json").write_text(json.dumps(stream.report, indent=2))
        if stream.origin:
            (temporary / _ORIGIN).write_text(stream.origin)
    return Clips.open(folder)


_AGAIN = "remove the folder of clips and make them again"


def _open_array(path: Path) -> np.ndarray:
    """A `.npy` file, memory-mapped; never one with objects, which would be unpickled."""
    with reading(path, _AGAIN):
        array = np.lib.format.open_memmap(path, mode="r")
        if not array.ndim:
            raise ValueError("it has no rows")
        return array


def _compact(kind: pa.DataType) -> pd.ArrowDtype | None:
    """Lists stay as Arrow has them: a Python object for each would take two kilobytes a clip."""
    return pd.ArrowDtype(kind) if pa.types.is_list(kind) else None


def _read_table(path: Path, rows: int) -> pd.DataFrame:
    """The clips' table, of as many rows as there are backgrounds."""
    with reading(path, _AGAIN):
        file = pq.ParquetFile(path)
        if file.metadata.num_rows != rows:
            raise ValueError(f"{file.metadata.num_rows} rows, but {rows} backgrounds")
        table = file.read(use_threads=False).to_pandas(types_mapper=_compact)
        pa.default_memory_pool().release_unused()  # else it keeps a copy of the table
        if missing := {*FIRST_COLUMNS, "background_valid"} - set(table):
            raise ValueError(f"no column {', '.join(sorted(missing))}")
        # what is damaged may be of another type
        return table.astype({"start": "int64", "length": "int64", "background_valid": bool})


@dataclass(frozen=True)
class Clips:
    """An opened clip store, or a selection of its clips.

    Attributes:
        folder: Where it lies.
        frames: uint8 `[N, H, W]`, memory-mapped: every frame of the store.
        labels: What the source knows of them, `[N, ...]` by name, memory-mapped; see `Clip`.
        backgrounds: uint8 `[clips of the store, H, W]`, memory-mapped: what is behind the figures,
            where the table's `background_valid` says that it is known.
        table: One row a clip of the selection; its index numbers the clips of the whole store.
        sequences: Labels of sequences without pictures, memory-mapped; see `ClipStream`. They
            belong to training.
    """

    folder: Path
    frames: np.ndarray
    labels: Mapping[str, np.ndarray]
    backgrounds: np.ndarray
    table: pd.DataFrame
    sequences: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path | str) -> "Clips":
        """Open a store without reading its frames.

        Raises:
            FileNotFoundError: There is no store, or one of an earlier version.
            ValueError: Table and arrays do not belong together.
        """
        folder = Path(folder)
        for name in ("clips.parquet", "frames.npy", "backgrounds.npy", "report.json"):
            if not (folder / name).exists():
                raise FileNotFoundError(
                    f"{folder / name}: no clips here; run the source's data pipeline first"
                )
        frames, backgrounds = (
            _open_array(folder / f"{name}.npy") for name in ("frames", "backgrounds")
        )
        labels, sequences = (
            {path.stem: _open_array(path) for path in sorted((folder / name).glob("*.npy"))}
            for name in ("labels", "sequences")
        )
        table = _read_table(folder / "clips.parquet", len(backgrounds))
        lengths = {len(array) for array in (frames, *labels.values())}
        whole = table["length"].cumsum() - table["length"]
        if lengths != {int(table["length"].sum())} or not table["start"].equals(whole):
            raise ValueError(
                f"{folder}: clips.parquet, frames.npy, backgrounds.npy and labels disagree; "
                f"{_AGAIN}"
            )
        for array in (frames, backgrounds):
            if array.dtype != np.uint8 or array.ndim != 3 or array.shape[1:] != frames.shape[1:]:
                raise ValueError(f"{folder}: frames or backgrounds are no pictures; {_AGAIN}")
        return cls(folder, frames, labels, backgrounds, table, sequences)

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> np.ndarray:
        """Frames of one clip of the selection, uint8 `[n, H, W]`."""
        return self.frames[self.rows(index)]

    def rows(self, index: int) -> slice:
        """Where the frames of one clip of the selection lie in `frames` and in every label."""
        start, length = (int(self.table[x].to_numpy()[index]) for x in ("start", "length"))
        return slice(start, start + length)

    def background(self, index: int) -> np.ndarray | None:
        """What is behind the figures of a clip of the selection, uint8 `[H, W]`, where known."""
        known = self.table["background_valid"].iat[index]
        return self.backgrounds[self.table.index[index]] if known else None

    def where(self, mask: "pd.Series[bool]") -> "Clips":
        """A selection of the clips; the arrays stay the same."""
        return replace(self, table=self.table[mask])

    def split(self, name: str) -> "Clips":
        """The clips of one split: `train`, `validation` or `test`."""
        return self.where(self.table["split"] == name)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]

    def report(self) -> dict[str, Any]:
        """What came of making the clips of the whole store."""
        path = self.folder / "report.json"
        with reading(path, _AGAIN):
            return dict(json.loads(path.read_text()))

    def releasing(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """Items as they are; the memory of what is read of the clips for them is given back.

        The system caches files as long as it has room.
        """
        for number, item in enumerate(items):
            yield item
            if number % AT_ONCE == 0:
                self._release()
        self._release()

    def _release(self) -> None:
        known = (*self.labels.values(), *self.sequences.values())
        for array in (self.frames, self.backgrounds, *known):
            if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
                array.base.madvise(mmap.MADV_DONTNEED)

    def fingerprint(self) -> str:
        """A digest of the selection, labels and backgrounds too: equal for equal clips."""
        digest = hashlib.sha256(self.table.to_json(orient="records").encode())
        digest.update(" ".join(self.labels).encode())
        for index in self.releasing(range(len(self))):
            rows = self.rows(index)
            for array in (self.frames, *self.labels.values()):
                digest.update(np.ascontiguousarray(array[rows]).data)
            if (background := self.background(index)) is not None:
                digest.update(np.ascontiguousarray(background).data)
        for values in self.sequences.values():
            digest.update(np.ascontiguousarray(values).data)
        return digest.hexdigest()[:16]
