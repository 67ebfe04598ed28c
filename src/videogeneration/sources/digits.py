"""Handwritten digits: MNIST's IDX files from a folder, or the digits that scikit-learn carries."""

import gzip
import logging
import math
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Literal

import cv2
import numpy as np

from videogeneration.captions import SceneGrammar
from videogeneration.data.clips import ClipStream
from videogeneration.evaluation.judges import SceneJudge
from videogeneration.sources.download import fetch
from videogeneration.sources.scenes import ElementSettings, make_clips
from videogeneration.sources.source import Source
from videogeneration.sources.sprites import Sprites
from videogeneration.validated import validated

logger = logging.getLogger(__name__)

DIGITS: tuple[str, ...] = tuple(f"digit {digit}" for digit in range(10))

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
"""How samples that come without a split are shared out."""

IDX_SETS = ("train", "t10k")
"""Names of MNIST's training and test set."""

_FILE = re.compile(
    r"(?:emnist-(?:digits|mnist)-)?(?P<set>train|t10k|test)"
    r"-(?P<kind>images|labels)[-.]idx[13]-ubyte(?: ?\(\d+\))?(?:\.gz)?",
    re.IGNORECASE,
)

URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
"""PyTorch's copy; the authors' page does not answer everybody."""

TERMS = (
    "MNIST's digits are by LeCun, Cortes and Burges (http://yann.lecun.com/exdb/mnist), made of "
    "NIST's databases; CC BY-SA 3.0"
)

SUMS = {
    "train-images-idx3": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1": "ec29112dd5afa0611ce80d1b7f02629c",
}
"""MD5 of MNIST's files."""

MOST_BYTES = 300_000_000
"""Of an IDX file; EMNIST's digits have 188 million."""

OPTDIGITS_SIDE = 40


def optdigits(seed: int = 0) -> Sprites:
    """The 1,797 handwritten digits of scikit-learn, scaled up.

    They are 8x8 counts (0 to 16) of ink in 4x4 blocks of a 32x32 bitmap (UCI "Optical Recognition
    of Handwritten Digits", Alpaydin and Kaynak 1998); bicubic interpolation, sharpening and a soft
    threshold bring back even strokes with soft rims.

    Args:
        seed: Decides which samples go to which split.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = np.array([_scale_up(image) for image in data.images])
    return _sprites(images, data.target, _share_out(data.target, seed))


def idx_digits(folder: Path | str, seed: int = 0) -> Sprites:
    """MNIST's digits from their IDX files, gzipped or plain.

    With both sets in the folder, `t10k` is the test split and `train` is shared out between
    training and validation; with one, it is shared out among all three.

    Args:
        folder: In it or below it lie `train-images-idx3-ubyte.gz` and so on; a set counts when its
            images and its labels are both there. EMNIST's digits, which are stored on their side,
            have names of their own: `emnist-digits-test-images-idx3-ubyte.gz`.
        seed: Decides which samples go to which split.

    Raises:
        FileNotFoundError: The folder has no complete set.
        ValueError: A file is truncated or of the wrong kind, or counts disagree.
    """
    folder = Path(folder)
    found = _find_files(folder)
    sets = {
        name: _read_set(found[name, "images"], found[name, "labels"])
        for name in IDX_SETS
        if (name, "images") in found and (name, "labels") in found
    }
    if not sets:
        raise FileNotFoundError(
            f"{folder}: no MNIST set with both its files; expected for example "
            "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz: get them by "
            "kedro run --pipelines=mnist_download, or name their folder, --params=mnist.folder=PATH"
        )
    images, labels = map(np.concatenate, zip(*sets.values(), strict=True))
    if len(sets) == 1:
        return _sprites(images, labels, _share_out(labels, seed))
    train, test = (sets[name][1] for name in IDX_SETS)
    shares = {name: SHARES[name] for name in ("train", "validation")}
    splits = np.concatenate([_share_out(train, seed, shares), np.full(len(test), "test")])
    return _sprites(images, labels, splits)


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes (http://yann.lecun.com/exdb/mnist), gzipped or plain.

    Returns:
        uint8, in the shape that the file states.

    Raises:
        ValueError: The file is truncated, too long, or no IDX file of unsigned bytes.
    """
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        file: BinaryIO = gzip.GzipFile(fileobj=plain) if packed else plain  # type: ignore[assignment]
        try:
            return _read_array(path, file)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: damaged or truncated gzip file ({error})") from error


def _read_array(path: Path, file: BinaryIO) -> np.ndarray:
    """No more is read than the header states, and one byte."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != 8 or not start[3]:
        raise ValueError(
            f"{path}: no IDX file of unsigned bytes (it starts with {start.hex() or 'nothing'}, "
            "expected 0000080N)"
        )
    sides = file.read(4 * start[3])
    if len(sides) < 4 * start[3]:
        raise ValueError(f"{path}: truncated within its header")
    shape = struct.unpack(f">{start[3]}I", sides)
    expected, size = math.prod(shape), " x ".join(map(str, shape))
    if expected > MOST_BYTES:
        raise ValueError(f"{path}: it states {size} bytes, which no set of digits has")
    data = file.read(expected + 1)
    if len(data) != expected:
        problem = "truncated" if len(data) < expected else "too long"
        has = len(data) if len(data) < expected else "more"
        raise ValueError(f"{path}: {problem}; it states {size} = {expected} bytes and has {has}")
    return np.frombuffer(data, np.uint8).reshape(shape)


def _find_files(folder: Path) -> dict[tuple[str, str], Path]:
    """Files by set (`train`, `t10k`) and kind (`images`, `labels`), as people's copies have them.

    The nearest to the folder goes first.
    """
    files = sorted(folder.rglob("*ubyte*"), key=lambda path: (len(path.parts), path))
    found: dict[tuple[str, str], Path] = {}
    for path in files:
        if (match := _FILE.fullmatch(path.name)) and path.is_file():
            name = {"test": "t10k"}.get(match["set"].lower(), match["set"].lower())
            found.setdefault((name, match["kind"].lower()), path)
    return found


def _read_set(image_file: Path, label_file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `[N, h, w]` and labels `[N]` of a set, checked against each other."""
    images, labels = read_idx(image_file), read_idx(label_file)
    for path, array, dimensions, kind in (
        (image_file, images, 3, "images"),
        (label_file, labels, 1, "labels"),
    ):
        if array.ndim != dimensions:
            raise ValueError(
                f"{path}: {array.ndim} dimensions, but {kind} have {dimensions}; "
                "is it another file under this name?"
            )
    if len(images) != len(labels):
        raise ValueError(
            f"{image_file} has {len(images)} images and {label_file} has {len(labels)} labels; "
            "they do not belong together"
        )
    if len(labels) and labels.max() > 9:
        raise ValueError(f"{label_file}: label {labels.max()} is no digit")
    if image_file.name.lower().startswith("emnist"):
        images = images.transpose(0, 2, 1)
    # an image without ink has no place in a scene
    drawn = (images > 32).any(axis=(1, 2))
    return images[drawn], labels[drawn]


def _sprites(images: np.ndarray, labels: np.ndarray, splits: np.ndarray) -> Sprites:
    """Digits as sprites, with a black rim for interpolation."""
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))
    return Sprites(DIGITS, images, labels.astype(np.int64), splits)


def _share_out(labels: np.ndarray, seed: int, shares: dict[str, float] = SHARES) -> np.ndarray:
    """A split for every sample, each digit shared out in the same proportions."""
    splits = np.empty(len(labels), dtype="<U10")
    bounds = np.cumsum(list(shares.values())) / sum(shares.values())
    for digit in np.unique(labels):
        members = np.random.default_rng([seed, int(digit)]).permutation(
            np.flatnonzero(labels == digit)
        )
        places = np.searchsorted(bounds, (np.arange(len(members)) + 0.5) / len(members))
        splits[members] = np.array(list(shares))[places]
    return splits


def _scale_up(image: np.ndarray) -> np.ndarray:
    """An 8x8 digit of counts 0 to 16 as uint8 `[OPTDIGITS_SIDE, OPTDIGITS_SIDE]`."""
    padded = np.pad(image.astype(np.float32) / 16, 1)
    smooth = cv2.resize(padded, (OPTDIGITS_SIDE, OPTDIGITS_SIDE), interpolation=cv2.INTER_CUBIC)
    # sharpened against a wide blur, the small holes of a 6, 8 or 9 open again
    sharp = smooth + 0.6 * (smooth - cv2.GaussianBlur(smooth, (0, 0), 4))
    # a sigmoid makes strokes even and leaves their rims antialiased
    return (255 / (1 + np.exp(-8 * (sharp - 0.6)))).round().astype(np.uint8)


@validated
class DigitSettings(ElementSettings):
    """Clips of moving handwritten digits; see also `ElementSettings`.

    Attributes:
        source: `optdigits`: scikit-learn's digits; `idx`: MNIST's files in `folder`.
        folder: Of MNIST's files; naming one is enough to use them. Without one, `idx` are those
            that `mnist_download` has brought.
    """

    source: Literal["optdigits", "idx"] = "optdigits"
    folder: str | None = None
    held_out: tuple[tuple[str, str], ...] = (
        ("digit 3", "spin_clockwise"),
        ("digit 5", "up_down"),
        ("digit 7", "left_right"),
        ("digit 9", "circle_counterclockwise"),
    )


def _files(settings: DigitSettings, raw_folder: Path) -> Path:
    return Path(settings.folder).expanduser() if settings.folder else raw_folder / "idx"


def _make(settings: DigitSettings, raw_folder: Path) -> ClipStream:
    if settings.source == "optdigits" and not settings.folder:
        return make_clips(optdigits(settings.seed), settings)
    return make_clips(idx_digits(_files(settings, raw_folder), settings.seed), settings)


def _download(settings: DigitSettings, raw_folder: Path) -> Path:
    """MNIST's four files.

    Raises:
        DownloadError: A file cannot be had, or is another one than expected.
    """
    logger.info(TERMS)
    folder = _files(settings, raw_folder)
    for name, checksum in SUMS.items():
        fetch(f"{URL}{name}-ubyte.gz", f"md5:{checksum}", folder)
    return folder


SOURCE = Source(
    name="mnist",
    settings=DigitSettings,
    make_clips=_make,
    grammar=lambda settings: SceneGrammar(DIGITS),
    judge=SceneJudge,
    download=_download,
)
