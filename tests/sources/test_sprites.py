import gzip
import struct

import numpy as np
import pytest

from videogeneration.sources.digits import (
    DIGITS,
    SHARES,
    SOURCE,
    DigitSettings,
    idx_digits,
    optdigits,
    read_idx,
)
from videogeneration.sources.icons import ICONS, icons
from videogeneration.sources.sprites import Sprites


def turned(image: np.ndarray, quarter: int) -> np.ndarray:
    return np.rot90(image, quarter)


def idx(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def write_set(folder, name="t10k", count=30, compress=False, labels=None):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 28, 28), np.uint8)
    labels = np.arange(count if labels is None else labels, dtype=np.uint8) % 10
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        data = idx(array)
        path = folder / (f"{name}-{kind}-ubyte" + (".gz" if compress else ""))
        path.write_bytes(gzip.compress(data) if compress else data)
    return images, labels


def test_default_icons_are_many_plain_words_and_differ():
    assert len(ICONS) >= 40
    assert all(name.isalpha() and name.islower() for name in ICONS)
    assert {"house", "clock", "car", "bell"} <= set(ICONS)
    sprites = icons()
    flat = sprites.images.reshape(len(ICONS), -1).astype(np.float64)
    alike = np.corrcoef(flat) - np.eye(len(ICONS))
    assert alike.max() < 0.9
    # a glyph that equals itself turned could not be read
    for image in sprites.images:
        for quarter in (1, 2):
            assert np.corrcoef(image.ravel(), turned(image, quarter).ravel())[0, 1] < 0.95


def test_an_icon_is_upright_and_white_on_black():
    house = icons(["house"]).images[0]
    rows = (house > 127).sum(axis=1)
    middle = np.flatnonzero(rows)
    assert rows[middle[0] + 5] < 0.4 * rows.max()  # the roof's ridge is on top
    assert house.max() == 255
    assert house[0].max() == house[-1].max() == house[:, 0].max() == 0


def test_an_unknown_icon_names_near_ones():
    with pytest.raises(ValueError, match=r"icon 'hous' does not exist; did you mean .*house"):
        icons(["bell", "hous"])
    with pytest.raises(ValueError, match="more than once"):
        icons(["bell", "bell"])


def test_enclosing_circle_encloses_at_every_angle():
    images = np.zeros((1, 40, 60), np.uint8)
    images[0, 10:20, 20:40] = 255
    ((x, y, radius),) = Sprites(("a",), images, np.array([0]), np.array(["any"])).circles
    assert (x, y) == pytest.approx((29.5, 14.5), abs=0.1)
    assert radius == pytest.approx(np.hypot(9.5, 4.5) + 0.5, abs=0.2)


def test_optdigits_are_legible_and_shared_out_by_sample():
    sprites = optdigits()
    assert sprites.elements == DIGITS
    assert len(sprites.images) == 1797
    assert sprites.images[:, :2].max() == 0
    assert (sprites.images.max(axis=(1, 2)) > 200).all()
    for split, share in SHARES.items():
        assert (sprites.splits == split).mean() == pytest.approx(share, abs=0.01)
    used = [set(sprites.samples("digit 3", split).tolist()) for split in SHARES]
    assert all(used) and not (used[0] & used[1] | used[0] & used[2] | used[1] & used[2])
    assert (optdigits(seed=1).splits != sprites.splits).any()


@pytest.mark.parametrize("compress", [False, True])
def test_idx_files_plain_or_gzipped(tmp_path, compress):
    images, labels = write_set(tmp_path, count=100, compress=compress)
    sprites = idx_digits(tmp_path)
    assert np.array_equal(sprites.images[:, 2:-2, 2:-2], images)
    assert np.array_equal(sprites.labels, labels)
    assert set(sprites.splits) == set(SHARES)


def test_with_both_sets_the_test_split_is_t10k(tmp_path):
    write_set(tmp_path, "train", 50)
    write_set(tmp_path, "t10k", 20, compress=True)
    sprites = idx_digits(tmp_path)
    assert set(sprites.splits[:50]) == {"train", "validation"}
    assert set(sprites.splits[50:]) == {"test"}


def test_an_incomplete_set_is_not_used(tmp_path):
    write_set(tmp_path, "train", 50)
    (tmp_path / "train-images-idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="no MNIST set with both its files"):
        idx_digits(tmp_path)
    write_set(tmp_path, "t10k", 20)
    assert len(idx_digits(tmp_path).images) == 20


@pytest.mark.parametrize(
    "name",
    ["MNIST/raw/{}-images-idx3-ubyte", "{}-images.idx3-ubyte", "{}-images-idx3-ubyte (1).gz",
     "archive/{}-images-idx3-ubyte/{}-images-idx3-ubyte",
     "gzip/emnist-digits-{}-images-idx3-ubyte"],
)  # fmt: skip
def test_copies_as_people_have_them(tmp_path, name):
    images, labels = write_set(tmp_path, "t10k", 60)
    test = "test" if "emnist" in name else "t10k"
    for kind in ("images-idx3", "labels-idx1"):
        data = (tmp_path / f"t10k-{kind}-ubyte").read_bytes()
        (tmp_path / f"t10k-{kind}-ubyte").unlink()
        path = tmp_path / name.format(test, test).replace("images-idx3", kind).replace(
            "images.idx3", kind.replace("-", ".")
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    (tmp_path / "emnist-letters-test-images-idx3-ubyte").write_bytes(b"none of ours")
    sprites = idx_digits(tmp_path)
    # EMNIST's digits lie on their side
    expected = images.transpose(0, 2, 1) if "emnist" in name else images
    assert np.array_equal(sprites.images[:, 2:-2, 2:-2], expected)
    assert np.array_equal(sprites.labels, labels)


def test_digits_lie_where_they_are_downloaded_to(tmp_path):
    (tmp_path / "idx").mkdir()
    write_set(tmp_path / "idx", count=60)
    settings = DigitSettings(source="idx", counts={"train": 3, "validation": 1, "test": 1})
    clips = list(SOURCE.make_clips(settings, tmp_path).clips)
    assert clips
    with pytest.raises(FileNotFoundError, match=r"mnist_download.*mnist\.folder=PATH"):
        SOURCE.make_clips(settings, tmp_path / "nowhere")


def test_bad_idx_files_are_named(tmp_path):
    _, labels = write_set(tmp_path)
    image_file = tmp_path / "t10k-images-idx3-ubyte"
    label_file = tmp_path / "t10k-labels-idx1-ubyte"
    whole = image_file.read_bytes()
    for data, problem in (
        (whole[:-100], "truncated; it states 30 x 28 x 28"),
        (whole[:9], "truncated within its header"),
        (whole + b"\0", "too long"),
        (b"hello world", "no IDX file"),
        (b"", "no IDX file"),
        (whole[:2] + b"\x0d" + whole[3:], "no IDX file of unsigned bytes"),
        (gzip.compress(whole)[:-20], "truncated gzip"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "which no set of digits has"),
        (gzip.compress(bytes(100_000_000)), "no IDX file"),
        (idx(labels), "1 dimensions, but images have 3"),
    ):
        image_file.write_bytes(data)
        with pytest.raises(ValueError, match=problem) as error:
            idx_digits(tmp_path)
        assert str(image_file) in str(error.value)
    image_file.write_bytes(whole)
    label_file.write_bytes(idx(labels[:-1]))
    with pytest.raises(ValueError, match=r"30 images and .* 29 labels"):
        idx_digits(tmp_path)
    label_file.write_bytes(idx(labels + 5))
    with pytest.raises(ValueError, match="label 14 is no digit"):
        idx_digits(tmp_path)


def test_real_mnist_files(shared_data):
    sprites = idx_digits(shared_data / "mnist")
    assert sprites.images.shape == (10000, 32, 32)
    assert np.bincount(sprites.labels).tolist()[:2] == [980, 1135]
    assert len(read_idx(shared_data / "mnist" / "train-labels-idx1-ubyte.gz")) == 60000


def test_a_split_has_its_own_samples_and_those_of_all():
    images = np.full((2, 8, 8), 255, np.uint8)
    sprites = Sprites(("a", "b"), images, np.array([0, 1]), np.array(["any", "train"]))
    assert sprites.samples("a", "test").tolist() == [0]
    with pytest.raises(ValueError, match="no sample of 'b' in split 'test'"):
        sprites.samples("b", "test")
