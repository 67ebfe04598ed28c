"""The clip store, and the windows that a network learns from.

A store is a folder with `frames.npy` (uint8 `[N, H, W]`, all clips end to end) and `clips.parquet`
(one row a clip: `clip_id`, `start`, `length`, `split`, `caption` and what the source knows); where
the source knows where its figures are, `poses.npy` says it for every frame (float32 `[N, P, 3]`).
Frames stay on disk, memory-mapped; a window is cut when it is needed.
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pandas as pd

HISTORY = 10
"""Number of past frames that a network sees."""

SPLITS = ("train", "validation", "test")


class ClipWriter:
    """Writes a clip store whole or not at all.

    Used as a context manager: clips are appended to a temporary folder beside `folder`, which takes
    the place of `folder` when the block ends well and is removed when it does not.

    Args:
        folder: The store to write; an earlier one is replaced at the end.
        height: Height of every frame in pixels.
        width: Width of every frame in pixels.
    """

    def __init__(self, folder: Path | str, height: int, width: int) -> None:
        self.folder, self.height, self.width = Path(folder), height, width
        self._rows: list[dict[str, Any]] = []
        self._poses: list[np.ndarray] = []
        self._frames = 0

    def __enter__(self) -> "ClipWriter":
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = Path(
            tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent)
        )
        self._file = open(self._temporary / "frames.npy", "wb")
        self._write_header()
        return self

    def _write_header(self) -> None:
        # numpy pads the header so that it keeps its size while the first dimension grows
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                "shape": (self._frames, self.height, self.width),
                "fortran_order": False,
                "descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)),
            },
        )

    def append(self, frames: np.ndarray, poses: np.ndarray | None = None, **columns: Any) -> None:
        """Add one clip.

        Args:
            frames: uint8 `[n, H, W]`, at least two frames.
            poses: Where each figure is in every frame, `[n, P, 3]`: column and row in pixels, and
                turns clockwise; NaN where it is not known. All clips of a store have them, for as
                many figures, or none has.
            **columns: Its row: `clip_id`, `split`, `caption` and what the source knows.
        """
        if frames.dtype != np.uint8 or frames.shape[1:] != (self.height, self.width):
            raise ValueError(
                f"clip {columns.get('clip_id')}: frames are {frames.dtype} {frames.shape}, not "
                f"uint8 [n, {self.height}, {self.width}]"
            )
        if len(frames) < 2:
            raise ValueError(f"clip {columns.get('clip_id')}: a clip needs at least two frames")
        poses = np.empty((len(frames), 0, 3)) if poses is None else poses
        if poses.shape[::2] != (len(frames), 3) or (
            self._poses and poses.shape[1] != self._poses[0].shape[1]
        ):
            raise ValueError(
                f"clip {columns.get('clip_id')}: poses are {list(poses.shape)} for {len(frames)} "
                "frames; give [frames, figures, 3], as many figures for every clip"
            )
        self._poses.append(poses.astype(np.float32))
        self._file.write(np.ascontiguousarray(frames).data)
        self._rows.append({**columns, "start": self._frames, "length": len(frames)})
        self._frames += len(frames)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
            self._file.close()
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _finish(self) -> None:
        if not self._rows:
            raise ValueError(f"{self.folder}: no clip to write")
        self._write_header()
        self._file.close()
        table = pd.DataFrame(self._rows)
        first = ["clip_id", "start", "length", "split", "caption"]
        table = table[first + [name for name in table.columns if name not in first]]
        table.to_parquet(self._temporary / "clips.parquet", index=False)
        np.save(self._temporary / "poses.npy", np.concatenate(self._poses))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        os.replace(self._temporary, self.folder)


@dataclass(frozen=True)
class Clips:
    """An opened clip store, or a selection of its clips.

    Attributes:
        folder: Where it lies.
        frames: uint8 `[N, H, W]`, memory-mapped: every frame of the store.
        poses: float32 `[N, P, 3]`: where the figures are, see `ClipWriter.append`.
        table: One row a clip of the selection; its index numbers the clips of the whole store.
    """

    folder: Path
    frames: np.ndarray
    poses: np.ndarray
    table: pd.DataFrame

    @classmethod
    def open(cls, folder: Path | str) -> "Clips":
        """Open a store without reading its frames.

        Raises:
            FileNotFoundError: There is no store, or one of an earlier version.
            ValueError: Table, frames and poses do not belong together.
        """
        folder = Path(folder)
        for name in ("clips.parquet", "poses.npy"):
            if not (folder / name).exists():
                raise FileNotFoundError(
                    f"{folder / name}: no clips here; run the source's data pipeline first"
                )
        frames = np.load(folder / "frames.npy", mmap_mode="r")
        poses = np.load(folder / "poses.npy")
        table = pd.read_parquet(folder / "clips.parquet")
        if not len(frames) == len(poses) == int(table["length"].sum()):
            raise ValueError(
                f"{folder}: frames.npy, poses.npy and clips.parquet disagree; make the clips again"
            )
        return cls(folder, frames, poses, table)

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> np.ndarray:
        """Frames of one clip of the selection, uint8 `[n, H, W]`."""
        row = self.table.iloc[index]
        return self.frames[row["start"] : row["start"] + row["length"]]

    def where(self, mask: "pd.Series[bool]") -> "Clips":
        """A selection of the clips; the frames stay the same."""
        return Clips(self.folder, self.frames, self.poses, self.table[mask])

    def split(self, name: str) -> "Clips":
        """The clips of one split: `train`, `validation` or `test`."""
        return self.where(self.table["split"] == name)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.frames.shape[1], self.frames.shape[2]

    def fingerprint(self) -> str:
        """A digest of the selection: equal for equal clips, else different."""
        digest = hashlib.sha256(self.table.to_json(orient="records").encode())
        digest.update(self.poses.tobytes())
        for index in range(len(self)):
            digest.update(np.ascontiguousarray(self[index]).data)
        return digest.hexdigest()[:16]
