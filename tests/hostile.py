"""Damaged and hostile files of every kind that the project reads, and what becomes of them.

`python -m hostile KIND,KIND COUNT SEED FOLDER` makes good files of each kind, reads them COUNT
times with one of them damaged in another way each time, and prints what became of them as JSON. It
is a process of its own, so that a crash, a file that takes all memory, and whatever is started or
written elsewhere are seen.
"""

import gzip
import io
import json
import os
import pickle
import re
import shutil
import signal
import struct
import sys
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import torch
from PIL import Image

from projects import ROOT
from toys import generator, write_store
from videogeneration.captions import ActionGrammar
from videogeneration.config import ConfigLoader
from videogeneration.data.clips import Clips, write_clips
from videogeneration.evaluation.predictions import Predictions, write_predictions
from videogeneration.sources import SOURCES
from videogeneration.sources.digits import idx_digits
from videogeneration.sources.kth.extraction import extract_clips
from videogeneration.sources.kth.sequences import LIST_NAME
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.sources.people.labels import Labels, write_labels
from videogeneration.sources.photos import Frame, read_pictures
from videogeneration.sources.source import PictureFormat
from videogeneration.training.checkpoints import Checkpoint, read_state, restore_state, save_state

SECONDS = 30
"""For one file, after which it counts as hanging."""

_PARAMETER = re.compile(r"[a-z_]+(\.\w+)*: ")

SOURCE_CODE = str(ROOT / "src" / "videogeneration")


@dataclass
class Outcome:
    """What became of damaged files.

    Attributes:
        tried: How many there were.
        read: How many were read all the same.
        refused: How many were refused in words that name file or parameter.
        wrong: What went otherwise, each with its case.
        megabytes: The most memory that the process had.
    """

    tried: int = 0
    read: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    megabytes: int = 0


# --- good files


def _avi(path: Path, length: int = 40, speed: float = 3) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), 25, (160, 120))
    for time in range(length):
        frame = np.full((120, 160, 3), 140, np.uint8)
        centre = int(80 + speed * (time - 20))
        frame[30:100, max(0, centre - 10) : max(0, centre + 10)] = 30
        writer.write(frame)
    writer.release()


def _recordings(folder: Path) -> None:
    for subject in (11, 12):
        _avi(folder / f"person{subject}_walking_d1_uncomp.avi", speed=3 if subject % 2 else -3)
    lines = [f"person{x}_walking_d1\t\tframes\t1-20, 21-40" for x in (11, 12)]
    header = "Training: person11, 12\nValidation: person13\nTest: person01\n\n"
    (folder / LIST_NAME).write_text(header + "\r\n".join(lines))


def _archive(folder: Path) -> None:
    _recordings(folder)
    with zipfile.ZipFile(folder / "walking.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.glob("*.avi")):
            archive.write(path, f"walking/{path.name}")
            path.unlink()


def _labelled(folder: Path) -> None:
    _recordings(folder)
    for path in sorted(folder.glob("*.avi")):
        labels = Labels(
            keypoints=np.full((40, 16, 2), 60, np.float32),
            keypoints_valid=np.ones((40, 16), bool),
            silhouette=np.full((40, 120, 160), 255, np.uint8),
            background=np.full((120, 160), 77, np.uint8),
            scale=np.full(40, 70, np.float32),
            heading=np.zeros(40, np.float32),
            phase=np.zeros(40, np.float32),
            action=np.full(40, "walking"),
            direction=np.ones(40, np.int8),
            present=np.ones(40, bool),
        )
        write_labels(path, labels)


def _idx(folder: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (60, 28, 28), np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 10
    for name, end in (("train", ""), ("t10k", ".gz")):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            data = head + array.tobytes()
            path = folder / f"{name}-{kind}-ubyte{end}"
            path.write_bytes(gzip.compress(data) if end else data)


def _pictures(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    picture = Image.fromarray(pixels)
    for ending in ("jpg", "png", "webp", "avif", "heic", "tiff", "bmp", "ppm", "jp2", "ico"):
        picture.save(folder / f"still.{ending}")
    others = [Image.fromarray(pixels[::-1]), picture.rotate(90)]
    for ending in ("gif", "webp", "avif", "png"):
        picture.save(folder / f"film.{ending}", save_all=True, append_images=others, duration=100)


def _videos(folder: Path) -> None:
    kinds = {"mp4": "libx264", "mov": "mpeg4", "mkv": "libx264", "webm": "libvpx-vp9"}
    kinds |= {"avi": "mjpeg", "ts": "mpeg2video", "flv": "flv", "wmv": "wmv2"}
    for ending, codec in kinds.items():
        with av.open(str(folder / f"film.{ending}"), "w") as container:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.height, stream.width = 48, 64
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for index in range(20):
                grey = np.full((48, 64), 20 + 3 * index, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="gray")))
            container.mux(stream.encode())


def _network() -> torch.nn.Module:
    words, vocabulary = ActionGrammar().vocabulary.shape
    return generator(0, words=words, vocabulary=vocabulary)


def _checkpoint(folder: Path) -> None:
    network = _network()
    inputs = {"grammar": ActionGrammar().description()}
    checkpoint = Checkpoint(folder / "mse")
    checkpoint.finish(network, inputs, pd.DataFrame({"step": [1], "loss": [0.5]}))
    optimizer = torch.optim.AdamW(network.parameters())
    save_state(checkpoint.state, {"net": network}, {"net": optimizer}, 3, inputs, [{"step": 1.0}])


def _clips(folder: Path) -> None:
    frames = np.zeros((12, 32, 32), np.uint8)
    poses = np.ones((12, 1, 3), np.float32)
    write_store(folder / "clips", [(frames, {"poses": poses}), (frames, {"poses": poses})])


def _predictions(folder: Path) -> None:
    row = {"model": "mse", "kind": "own", "protocol": "1to10", "steps": 10}
    write_predictions(folder / "films", [(row, np.zeros((10, 32, 32), np.uint8))] * 3)


def _parameters(folder: Path) -> None:
    shutil.copytree(ROOT / "conf" / "base", folder / "base")
    (folder / "local").mkdir()


# --- reading


def _read_recordings(folder: Path) -> None:
    settings = KthSettings(actions=("walking",), mixed=False)
    write_clips(folder / "store", extract_clips(folder, settings))


def _read_pictures(folder: Path, damaged: Path) -> None:
    list(read_pictures(damaged, Frame(32, 32, PictureFormat(4 / 3, "scene")), 5.0))


def _read_checkpoint(folder: Path) -> None:
    checkpoint = Checkpoint(folder / "mse")
    checkpoint.film_model()
    checkpoint.grammar()
    checkpoint.history()
    network = _network()
    read_state(checkpoint.state)
    optimizer = torch.optim.AdamW(network.parameters())
    restore_state(checkpoint.state, {"net": network}, {"net": optimizer})


def _read_clips(folder: Path) -> None:
    clips = Clips.open(folder / "clips")
    clips.fingerprint()
    clips.report()
    for index in range(len(clips)):
        assert clips[index].ndim == 3


def _read_predictions(folder: Path) -> None:
    predictions = Predictions.open(folder / "films")
    for film in predictions.table.index:
        predictions.film(film)


def _read_parameters(folder: Path) -> None:
    loader = ConfigLoader(str(folder), base_env="base", default_run_env="local")
    parameters = loader["parameters"]
    blocks = {"mse", "gan", "judge", "windows", "network", "discriminator", "evaluation"}
    blocks |= {"benchmark", "first_frames", "image_generator", "image_discriminator"}
    blocks |= {"text_to_image", "classifier", "image_evaluation", "sentences", "text_to_video"}
    for name, source in SOURCES.items():
        source.read_settings(parameters.get(name, {}), blocks)


@dataclass(frozen=True)
class Kind:
    """Files that belong together.

    Attributes:
        make: Writes good ones into an empty folder.
        read: Reads them all, or the damaged one.
        damaged: Which of them are damaged: a pattern.
        alone: Whether only the damaged one is read.
    """

    make: Callable[[Path], None]
    read: Callable[..., None]
    damaged: str = "*"
    alone: bool = False


KINDS = {
    "avi": Kind(_recordings, _read_recordings, "*.avi"),
    "list": Kind(_recordings, _read_recordings, LIST_NAME),
    "zip": Kind(_archive, _read_recordings, "*.zip"),
    "labels": Kind(_labelled, _read_recordings, "*.npz"),
    "idx": Kind(_idx, idx_digits),
    "pictures": Kind(_pictures, _read_pictures, alone=True),
    "videos": Kind(_videos, _read_pictures, alone=True),
    "checkpoints": Kind(_checkpoint, _read_checkpoint),
    "clips": Kind(_clips, _read_clips),
    "predictions": Kind(_predictions, _read_predictions),
    "parameters": Kind(_parameters, _read_parameters, "parameters*.yml"),
}


# --- damage

SIZES = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80"]
NUMBERS = ["-1", "0", "99999999999", "1e308", "nan", "[]", "{}", "null", "x" * 300, "[" * 3000]


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """The same bytes, damaged in one of many ways."""
    at = int(rng.integers(len(data) + 1))
    near = int(rng.integers(min(len(data), 600) + 1))
    changed = bytearray(data)
    match rng.integers(9):
        case 0:  # flipped bits
            for place in rng.integers(len(data), size=rng.integers(1, 20)):
                changed[place] ^= 1 << int(rng.integers(8))
        case 1:  # flipped bits in the header
            for place in rng.integers(min(len(data), 200), size=rng.integers(1, 6)):
                changed[place] ^= 1 << int(rng.integers(8))
        case 2:
            return data[:at]
        case 3:
            return data[:near]
        case 4:  # a wrong size or count
            changed[near : near + 4] = SIZES[rng.integers(len(SIZES))]
        case 5:
            changed[at:at] = rng.bytes(int(rng.integers(1, 50)))
        case 6:
            del changed[at : at + int(rng.integers(1, 200))]
        case 7:
            changed[at:at] = changed[near : near + 500]
        case 8:  # another number, in a text
            places = [x for x in range(len(data)) if 48 <= data[x] <= 57][:20_000] or [at]
            place = places[rng.integers(len(places))]
            changed[place : place + 1] = NUMBERS[rng.integers(len(NUMBERS))].encode()
    return bytes(changed)


class Bomb:
    """Makes itself known to whoever unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo exploded",)


def _npy(head: str, data: bytes = b"") -> bytes:
    text = (head + "\n").encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def _zipped(**members: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return data.getvalue()


def _png(width: int, height: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (8, 8)).save(data, "PNG")
    whole = data.getvalue()
    head = b"IHDR" + struct.pack(">II", width, height) + whole[24:29]
    return whole[:12] + head + struct.pack(">I", zlib.crc32(head)) + whole[33:]


@cache
def bombs() -> tuple[bytes, ...]:
    """Files that are made to do harm, whatever they are taken for."""
    return tuple(_bombs())


def _bombs() -> Iterator[bytes]:
    objects = np.array([Bomb()], object)
    pickled, stored = io.BytesIO(), io.BytesIO()
    np.save(pickled, objects, allow_pickle=True)
    torch.save({"step": Bomb()}, stored)
    yield from (pickle.dumps(Bomb()), pickled.getvalue(), stored.getvalue(), b"", b"\0" * 5000)
    yield _npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776, 64, 64), }")
    yield _npy("{'descr': '|O', 'fortran_order': False, 'shape': (9,), }", pickle.dumps(Bomb()))
    yield _zipped(**{"keypoints.npy": pickled.getvalue()})
    yield _zipped(
        **{
            "keypoints.npy": _npy(
                "{'descr': '<f8', 'fortran_order': False, 'shape': (9" + "9" * 12 + ",), }"
            )
        }
    )
    yield _zipped(**{"..__..__person11_walking_d1_uncomp.avi": bytes(250_000_000)})
    yield _zipped(**{"__tmp__person12_walking_d1.avi": b"RIFF" * 9, "a\nb\x01.avi": b""})
    huge = b"\x7f\xff\xff\xff" * 3
    yield gzip.compress(bytes([0, 0, 8, 3]) + huge + bytes(50_000_000), 1)
    yield gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 60]) + bytes(200_000_000), 1)
    yield struct.pack("<Q", 1 << 60) + b"{}"  # the header of safetensors
    yield (
        struct.pack("<Q", 90)
        + b'{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,9]}}'
        + bytes(99)
    )
    yield b"[" * 200_000
    yield b'{"network": "generator", "config": {"height": 1000000, "width": 1000000}, "inputs": {}}'
    yield b'{"network": "generator", "config": {"widths": [1000000, 1000000]}, "inputs": {}}'
    yield b'["a", "list"]'
    yield b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (98 + x, 98 + x, b",".join([b"*%c" % (97 + x)] * 9)) for x in range(9)
    )
    yield b"kth: !!python/object/apply:os.system ['echo exploded']\n"
    yield b"kth: {folder: ${oc.env:HOME}, clips: {size: 99999999999}}\nicons: {}\nmnist: {}\n"
    for side in (60_000, 2**31 - 1):
        yield _png(side, side)
    yield (
        b"GIF89a"
        + struct.pack("<HH", 65535, 65535)
        + b"\0\0\0,"
        + struct.pack("<HHHH", 0, 0, 65535, 65535)
        + b"\0\2\2\0\0;"
    )
    yield b"BM" + struct.pack("<IIIIiiHH", 99, 0, 54, 40, 2**30, 2**30, 1, 24) + bytes(40)
    yield b"P6 2000000000 2000000000 255\n" + bytes(99)
    yield b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/tmp/exploded) (w) file closefile\n"
    yield b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"
    yield b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield b"person11_walking_d1 frames " + b",".join([b"1-40"] * 100_000)
    yield b"person11_walking_d1 frames 1-999999999\nperson12_walking_d1 frames 1-9\n"
    yield b"person11_walking_d1 frames 1-" + b"9" * 9000
    yield b"Training: person" + b"9" * 9000 + b"\nperson11_walking_d1 frames 1-9\n"


# --- what becomes of it


class _Watch:
    """Notes what is started, connected or written outside a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen, self.on = str(folder), [], False  # type: ignore[var-annotated]
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if (
            event
            in (
                "os.system",
                "subprocess.Popen",
                "os.posix_spawn",
                "os.exec",
                "socket.connect",
            )
            or event == "pickle.find_class"
        ):
            self.seen.append(f"{event} {arguments}")
        elif event == "open" and self._outside(arguments):
            self.seen.append(f"wrote {arguments[0]}")

    def _outside(self, arguments: tuple[Any, ...]) -> bool:
        """Whether a file elsewhere is opened to be written."""
        path = arguments[0]
        if not isinstance(path, str) or not _writes(arguments):
            return False
        return not os.path.realpath(path).startswith((self.folder, "/dev/"))


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    return bool(set(str(mode or "")) & set("wax+")) or bool(flags & (os.O_WRONLY | os.O_RDWR))


def _said(error: BaseException, folder: Path) -> bool:
    """Whether an error was raised by our code, and names the file or parameter in question."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = frames[-1].filename.startswith(SOURCE_CODE)
    kind = isinstance(error, ValueError | OSError)
    return ours and kind and (str(folder) in str(error) or bool(_PARAMETER.match(str(error))))


class Hangs(BaseException):
    """Not to be taken for what reading a file raises."""


def _hangs(*_: object) -> None:
    raise Hangs


def _cases(good: Path, pattern: str, count: int, seed: int) -> Iterator[tuple[str, Path, bytes]]:
    """Name of a case, the file to replace, and what it is replaced by."""
    files = sorted(path for path in good.rglob(pattern) if path.is_file())
    rng = np.random.default_rng(seed)
    every = [(path, number, bomb) for number, bomb in enumerate(bombs()) for path in files[:9]]
    for index in rng.permutation(len(every))[: count // 3]:
        path, number, bomb = every[index]
        yield f"{path.name} bomb {number}", path, bomb
    for number in range(count - min(count // 3, len(every))):
        path = files[number % len(files)]
        yield f"{path.name} damage {number}", path, damage(path.read_bytes(), rng)


def main(kind: str, count: int, seed: int, folder: Path, watch: _Watch, outcome: Outcome) -> None:
    """Read damaged files of a kind; see the top of this file."""
    good, place = folder / kind / "good", folder / kind / "place"
    good.mkdir(parents=True)
    files = KINDS[kind]
    files.make(good)
    shutil.copytree(good, place)
    files.read(*[place, next(place.rglob(files.damaged))][: 1 + files.alone])
    for name, path, content in _cases(good, files.damaged, count, seed):
        shutil.rmtree(place)
        shutil.copytree(good, place)
        damaged = place / path.relative_to(good)
        damaged.write_bytes(content)
        print(f"{kind}: {name}", file=sys.stderr, flush=True)
        outcome.tried += 1
        signal.alarm(SECONDS)
        watch.on = True
        try:
            files.read(*[place, damaged][: 1 + files.alone])
            outcome.read += 1
        except (Exception, Hangs) as error:
            if _said(error, place):
                outcome.refused += 1
            else:
                text = " ".join(traceback.format_exception(error)[-3:])
                outcome.wrong.append(f"{kind}: {name}: {type(error).__name__}: {text}"[-1500:])
        finally:
            watch.on = False
            signal.alarm(0)
        outcome.wrong += [f"{kind}: {name}: {seen}" for seen in watch.seen]
        watch.seen.clear()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    kinds, count, seed, folder = sys.argv[1].split(","), *map(int, sys.argv[2:4]), Path(sys.argv[4])
    scratch, outcome = folder / "tmp", Outcome()
    scratch.mkdir(parents=True)
    os.environ["TMPDIR"] = str(scratch)
    watch = _Watch(folder.resolve())
    signal.signal(signal.SIGALRM, _hangs)
    for kind in kinds:
        main(kind, count, seed, folder, watch, outcome)
    # not `ru_maxrss`, which goes on from the process that started this one
    (peak,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in x)
    outcome.megabytes = int(peak.split()[1]) // 1024
    print(json.dumps(asdict(outcome)))
