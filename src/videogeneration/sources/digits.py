"""Handwritten digits: MNIST's IDX files from a folder, or the digits that scikit-learn carries."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from videogeneration.captions import SceneGrammar
from videogeneration.data.clips import ClipStream
from videogeneration.evaluation.judges import SceneJudge
from videogeneration.sources.scenes import LABELS, ElementSettings, make_clips
from videogeneration.sources.source import Source
from videogeneration.sources.sprites import Sprites
from videogeneration.validated import validated

DIGITS: tuple[str, ...] = tuple(f"digit {digit}" for digit in range(10))

SHARES = {"train": 0.7, "validation": 0.1, "test": 0.2}
"""How samples that come without a split are shared out."""

IDX_SETS = ("train", "t10k")
"""Names of MNIST's training and test set."""

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
        folder: Where `train-images-idx3-ubyte.gz` and so on lie; a set counts when its images and
            its labels are both there.
        seed: Decides which samples go to which split.

    Raises:
        FileNotFoundError: The folder has no complete set.
        ValueError: A file is truncated or of the wrong kind, or counts disagree.
    """
    folder = Path(folder)
    found = {name: _find_set(folder, name) for name in IDX_SETS}
    sets = {name: _read_set(*files) for name, files in found.items() if files}
    if not sets:
        raise FileNotFoundError(
            f"{folder}: no MNIST set with both its files; expected for example "
            "t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz"
        )
    images = np.concatenate([images for images, _ in sets.values()])
    labels = np.concatenate([labels for _, labels in sets.values()])
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
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: damaged or truncated gzip file ({error})") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != 8 or not data[3]:
        raise ValueError(
            f"{path}: no IDX file of unsigned bytes (it starts with {data[:4].hex() or 'nothing'}, "
            "expected 0000080N)"
        )
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"{path}: truncated within its header")
    shape = struct.unpack(f">{data[3]}I", data[4:header])
    expected = math.prod(shape)
    if len(data) - header != expected:
        size = " x ".join(map(str, shape))
        problem = "truncated" if len(data) - header < expected else "too long"
        raise ValueError(
            f"{path}: {problem}; it states {size} = {expected} bytes and has {len(data) - header}"
        )
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _find_set(folder: Path, name: str) -> tuple[Path, Path] | None:
    """Files of a set's images and labels; None where one of them is missing."""
    files = []
    for kind in ("images-idx3", "labels-idx1"):
        # some copies carry a dot where the original has a dash
        stems = (f"{name}-{kind}-ubyte", f"{name}-{kind}-ubyte".replace("-idx", ".idx"))
        names = [stem + end for stem in stems for end in ("", ".gz")]
        present = [folder / candidate for candidate in names if (folder / candidate).is_file()]
        if not present:
            return None
        files.append(present[0])
    return files[0], files[1]


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
    """Clips of moving handwritten digits.

    Attributes:
        source: `optdigits`: scikit-learn's digits; `idx`: MNIST's files in `folder`.
        folder: Of MNIST's files; naming one is enough to use them.
        held_out: (element, movement) pairs that only the clips of `counts.held_out` show.
        seed: Decides everything that is drawn at random.
        counts: How many clips.
        scenes: How they look and move.
    """

    source: Literal["optdigits", "idx"] = "optdigits"
    folder: str | None = None
    held_out: tuple[tuple[str, str], ...] = (
        ("digit 3", "spin_clockwise"),
        ("digit 5", "up_down"),
        ("digit 7", "left_right"),
        ("digit 9", "circle_counterclockwise"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source == "idx" and not self.folder:
            raise ValueError(
                "folder: empty; name the folder of the IDX files, --params=mnist.folder=PATH"
            )


def _make(settings: DigitSettings, folder: Path) -> ClipStream:
    if settings.folder:
        return make_clips(idx_digits(settings.folder, settings.seed), settings)
    return make_clips(optdigits(settings.seed), settings)


SOURCE = Source(
    name="mnist",
    settings=DigitSettings,
    make_clips=_make,
    grammar=lambda settings: SceneGrammar(DIGITS),
    judge=SceneJudge,
    labels=LABELS,
)
