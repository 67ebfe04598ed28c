"""The dataset's video files: where they lie, and their frames."""

import re
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from videogeneration.captions import ACTIONS
from videogeneration.sources.kth.sequences import KthError

_FILE = re.compile(
    r"(?P<name>person\d{2,3}_(?P<action>[a-z]+)_d\d)(?:_uncomp)?\.avi", re.IGNORECASE
)


MOST_BYTES = 200_000_000
"""Of a video in an archive; the largest of the data set has 7 million."""


class VideoError(KthError):
    """A video that cannot be used; names its file."""


@dataclass(frozen=True)
class VideoFile:
    """One video's file, plain or still inside an archive.

    Attributes:
        name: `personNN_<action>_dM`, as the list has it.
        path: The AVI file, or the zip archive that holds it.
        member: Its name inside the archive; None for a plain file.
    """

    name: str
    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)


def find_videos(folder: Path, actions: Sequence[str]) -> dict[str, VideoFile]:
    """Find the videos of some actions.

    They are known by their names, with or without `_uncomp`, and may lie anywhere in the folder,
    plain or in zip archives. A plain file goes before one in an archive. An archive that is named
    after other actions is not opened.

    Returns:
        The videos by name, in order of their names.

    Raises:
        KthError: The folder does not exist, or an archive cannot be opened.
    """
    if not folder.is_dir():
        raise KthError(
            f"{folder}: no such folder; it should hold the KTH videos: get them by "
            "kedro run --pipelines=kth_download, or name their folder, --params=kth.folder=PATH"
        )
    found: dict[str, VideoFile] = {}
    endings = (".avi", ".zip")
    files = sorted(x for x in folder.rglob("*") if x.suffix.lower() in endings and x.is_file())
    candidates = [VideoFile("", path) for path in files if path.suffix.lower() == ".avi"]
    for path in files:
        named = {action for action in ACTIONS if action in path.stem.lower()}
        if path.suffix.lower() == ".zip" and (not named or named & set(actions)):
            candidates += [VideoFile("", path, member) for member in _members(path)]
    for candidate in candidates:
        match = _FILE.fullmatch(PurePosixPath(candidate.member or candidate.path.name).name)
        if match and match["action"].lower() in actions:
            name = match["name"].lower()
            found.setdefault(name, VideoFile(name, candidate.path, candidate.member))
    return dict(sorted(found.items()))


def _members(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            return sorted(opened.namelist())
    # `zipfile` lets through what a damaged directory makes it come upon
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
        raise KthError(
            f"{archive}: cannot be opened as a zip archive ({error}); download it again"
        ) from error


def read_frames(video: VideoFile, wanted: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """Decode the wanted frames of a video, grey and square.

    Args:
        video: The file.
        wanted: bool `[N]`: which of the first N frames are needed. The others are skipped, which
            spares their conversion; nothing after the N-th is decoded.
        size: Height and width of the result in pixels; made by averaging over areas.

    Returns:
        uint8 `[N, size, size]`, undefined where not wanted, and the number of frames, at most N,
        that the video has.

    Raises:
        VideoError: The file cannot be opened as a video or holds no frame, or decodes to fewer
            frames than it announces and than are needed.
    """
    with _plain_file(video) as path:
        # one thread a video: the files are small, and videos are decoded side by side
        capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        try:
            if not capture.isOpened():
                kind = "is empty" if path.stat().st_size == 0 else "is no video that can be read"
                raise VideoError(f"{video}: {kind}; get the file again")
            frames, count = _decode(capture, wanted, size)
            announced = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        finally:
            capture.release()
    if count == 0:
        raise VideoError(f"{video}: no frame of it can be decoded; get the file again")
    if count < min(len(wanted), announced):
        raise VideoError(
            f"{video}: truncated or damaged: it announces {announced} frames, but only {count} "
            "can be decoded; get the file again"
        )
    return frames, count


def _decode(capture: cv2.VideoCapture, wanted: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    frames = np.empty((len(wanted), size, size), np.uint8)
    picture: np.ndarray | None = None
    grey: np.ndarray | None = None
    for count, (frame, needed) in enumerate(zip(frames, wanted.tolist(), strict=True)):
        if not capture.grab():
            return frames, count
        if needed:
            # the buffers are handed back in, so that nothing is allocated for each frame
            _, picture = capture.retrieve(picture)
            grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY, dst=grey)
            cv2.resize(grey, (size, size), dst=frame, interpolation=cv2.INTER_AREA)
    return frames, len(wanted)


@contextmanager
def _plain_file(video: VideoFile) -> Iterator[Path]:
    """The video as a plain file; a temporary one, removed at the end, if it is in an archive."""
    if video.member is None:
        yield video.path
        return
    with tempfile.TemporaryDirectory(prefix="kth-") as folder:
        path = Path(folder) / f"{video.name}.avi"
        try:
            with zipfile.ZipFile(video.path) as archive:
                # `zipfile` gives no more of a member than this
                size = archive.getinfo(video.member).file_size
                if size > MOST_BYTES:
                    raise VideoError(
                        f"{video}: {size:,} bytes; no video of the data set has {MOST_BYTES:,}"
                    )
                with archive.open(video.member) as member, path.open("wb") as file:
                    shutil.copyfileobj(member, file)
        except VideoError:
            raise
        # damaged, encrypted, or packed in a way that `zipfile` does not know
        except Exception as error:
            raise VideoError(f"{video}: damaged in its archive ({error})") from error
        yield path
