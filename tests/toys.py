"""Small clip stores, networks and trainings that many tests share."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.distributed as dist
from torch import Tensor

from models.people import figures
from videogeneration import distributed
from videogeneration.captions import ActionGrammar, Grammar, Vocabulary
from videogeneration.data.clips import Clip, Clips, ClipStream, write_clips
from videogeneration.data.first_frames import FirstFrames, FirstFrameSettings
from videogeneration.data.windows import Windows, WindowSettings
from videogeneration.models.discriminator import Discriminator, DiscriminatorConfig
from videogeneration.models.generator import Generator
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.models.text_to_image import (
    ImageDiscriminator,
    ImageDiscriminatorConfig,
    ImageGenerator,
)
from videogeneration.training.checkpoints import Checkpoint, build
from videogeneration.training.device import Device
from videogeneration.training.gan import GanSettings, GanTask
from videogeneration.training.gan_cls import GanClsSettings, GanClsTask
from videogeneration.training.loop import Task, train
from videogeneration.training.mse import MseSettings, MseTask

LEFT, RIGHT = "a person is walking to the left", "a person is walking to the right"

CPU = Device("cpu", "float32")

AHEAD = 3
"""Frames that the small generator draws at once."""

LABELS = ("poses",)
"""What it reads besides."""

NETWORK = {
    "height": 32,
    "width": 32,
    "patch": 4,
    "widths": (16, 32),
    "latent": 8,
    "dense": 64,
    "embedding": 32,
    "dropout": 0.1,
    "horizon": AHEAD,
}

DISCRIMINATOR = {"widths": (8, 16), "past": 2}

NOT_VARIED = {
    "mirror": 0.0,
    "single_frame": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
}

VARIED = WindowSettings(mirror=0.5, single_frame=0.3, brightness=0.1, contrast=0.1)


def decoded(vocabulary: Vocabulary, matrix: np.ndarray) -> str:
    """A one-hot matrix `[max_words, vocabulary]` as its sentence again."""
    return " ".join(vocabulary.words[int(row.argmax())] for row in matrix if row.any())


def window_settings(**changes: Any) -> WindowSettings:
    """Windows as they are, but for these changes."""
    return WindowSettings(**{**NOT_VARIED, **changes})


def write_store(folder: Path, clips: Sequence[tuple[np.ndarray, Mapping[str, Any]]]) -> Clips:
    """Write clips, each with its columns; missing columns get plain values.

    Among the columns `poses`, NaN where they are not known, become labels; where there are any, the
    median over time is what is behind the figures.
    """

    def clip(number: int, frames: np.ndarray, columns: dict[str, Any]) -> Clip:
        plain = {"split": "train", "caption": RIGHT, "view_start": 0, "view_end": len(frames)}
        labels, background = {}, None
        if "poses" in columns:
            poses = np.asarray(columns.pop("poses"), np.float32)
            valid = ~np.isnan(poses).any(axis=2)
            labels = {"poses": np.nan_to_num(poses), "poses_valid": valid}
            background = np.median(frames, axis=0).astype(np.uint8) if valid.any() else None
        row = {"clip_id": f"clip{number}", **plain, **columns}
        return Clip(frames, row, labels, background)

    made = (clip(number, x, dict(columns)) for number, (x, columns) in enumerate(clips))
    return write_clips(folder, ClipStream(clips[0][0].shape[1:], made))


def numbered_clip(clip: int, length: int, size: int = 8) -> np.ndarray:
    """Frames whose grey value is 20 x clip + frame + 1, with a white first column."""
    frames = np.full((length, size, size), 20 * clip + 1, np.uint8)
    frames += np.arange(length, dtype=np.uint8)[:, None, None]
    frames[:, :, 0] = 255
    return frames


def block_clip(
    direction: str, seed: int, size: int = 32, length: int = 8, speed: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """A bright 6x6 block on black that moves `speed` pixels a frame to one side.

    Returns:
        Its frames, and its poses `[length, 1, 3]`.
    """
    random = np.random.default_rng(seed)
    frames, poses = np.zeros((length, size, size), np.uint8), np.zeros((length, 1, 3))
    top, way = int(random.integers(4, size - 10)), speed * (length - 1)
    first = int(random.integers(0, size - 6 - way + 1))
    for time in range(length):
        left = first + (speed * time if direction == "right" else way - speed * time)
        frames[time, top : top + 6, left : left + 6] = 220
        poses[time, 0, :2] = left + 2.5, top + 2.5
    return frames, poses


def block_store(folder: Path, each: int = 12) -> Clips:
    """Blocks that move to the left and to the right, `each` clips a side and split."""
    clips = []
    for split, first in (("train", 0), ("test", 1000)):
        for number in range(each):
            for caption, direction in ((LEFT, "left"), (RIGHT, "right")):
                seed = 2 * (first + number) + (direction == "left")
                frames, poses = block_clip(direction, seed)
                columns = {"split": split, "caption": caption, "direction": direction}
                clips.append((frames, {**columns, "poses": poses}))
    return write_store(folder, clips)


def encode(clips: Clips) -> np.ndarray:
    """One-hot captions of a whole store."""
    vocabulary = ActionGrammar().vocabulary
    return np.stack([vocabulary.encode(text) for text in clips.table["caption"]])


def windows_over(clips: Clips, settings: WindowSettings, **options: Any) -> Windows:
    """Windows over the clips of a whole store."""
    return Windows(clips, encode(clips), ActionGrammar(), settings, **options)


def start(history: Tensor, *captions: str) -> Batch:
    """What films start from: clean histories, of which frames that are all zero are missing."""
    said = torch.stack([torch.from_numpy(ActionGrammar().vocabulary.encode(x)) for x in captions])
    return Batch.to_continue(history, history.flatten(2).amax(2) > 0, said.float())


def generator(seed: int = 0, **changes: Any) -> Generator:
    """A small generator with weights drawn from a seed."""
    torch.manual_seed(seed)
    network = build("generator", {**NETWORK, **changes})
    assert isinstance(network, Generator)
    return network


def untrained(folder: Path, grammar: Grammar, seed: int = 0, steps: int = 7) -> Checkpoint:
    """A generator that was never trained, as if it had been for some steps."""
    words, vocabulary = grammar.vocabulary.shape
    checkpoint = Checkpoint(folder)
    checkpoint.finish(
        generator(seed, words=words, vocabulary=vocabulary),
        {"grammar": grammar.description()},
        pd.DataFrame({"step": [steps], "loss": [0.5]}),
    )
    return checkpoint


def discriminator(seed: int = 0, **changes: Any) -> Discriminator:
    """A small discriminator with weights drawn from a seed."""
    torch.manual_seed(seed)
    return Discriminator(DiscriminatorConfig(**{**DISCRIMINATOR, **changes}))


def mse_task(clips: Clips, **settings: Any) -> MseTask:
    """MSE training on blocks, with everything random switched on."""
    chosen = MseSettings(**{"steps": 14, "batch_size": 4, "warmup": 3, **settings})
    cut = windows_over(clips, VARIED, batch_size=chosen.batch_size, future=AHEAD, labels=LABELS)
    network = generator()
    CPU.place(network)
    return MseTask(network, cut, chosen, CPU)


def gan_task(clips: Clips, against: Mapping[str, Any] | None = None, **settings: Any) -> GanTask:
    """Adversarial training on blocks, with everything random switched on."""
    chosen = GanSettings(**{"steps": 10, "discriminator_warmup": 4, "batch_size": 4, **settings})
    cut = windows_over(clips, VARIED, batch_size=chosen.batch_size, future=AHEAD)
    network, opponent = generator(), discriminator(1, **(against or {}))
    CPU.place(network)
    CPU.place(opponent)
    return GanTask(network, opponent, cut, chosen, CPU)


def image_generator(seed: int = 0, **changes: Any) -> ImageGenerator:
    """A small generator of KTH's first frames with weights drawn from a seed."""
    torch.manual_seed(seed)
    words, vocabulary = ActionGrammar().vocabulary.shape
    plain = {"height": 32, "width": 32, "words": words, "vocabulary": vocabulary}
    plain |= {"figures": 1, "aspect": 1.0, "background": ()}
    small = {"noise": 8, "embedding": 16, "size": 16, "widths": (16, 16, 8)}
    network = build("imagegenerator", {**plain, **small, **changes})
    assert isinstance(network, ImageGenerator)
    return network


def image_discriminator(seed: int = 0, **changes: Any) -> ImageDiscriminator:
    """A small discriminator of KTH's first frames with weights drawn from a seed."""
    torch.manual_seed(seed)
    words, vocabulary = ActionGrammar().vocabulary.shape
    plain = {"words": words, "vocabulary": vocabulary, "sights": len(ActionGrammar().sights)}
    settings = {**plain, "widths": (8, 16), "embedding": 16, **changes}
    return ImageDiscriminator(ImageDiscriminatorConfig(**settings))


def gan_cls_task(clips: Clips, **settings: Any) -> GanClsTask:
    """GAN-CLS on the first frames of blocks, with everything random switched on."""
    chosen = GanClsSettings(
        **{"steps": 10, "discriminator_warmup": 4, "batch_size": 8, "shift": 1, **settings}
    )
    frames = FirstFrames(clips, ActionGrammar(), FirstFrameSettings(early=0.5, mirror=0.5))
    draws, judges = image_generator(background=(8, 8, 8, 8)), image_discriminator(1)
    CPU.place(draws)
    CPU.place(judges)
    return GanClsTask(draws, judges, frames, chosen, CPU)


TASKS: dict[str, Callable[[Clips], Task]] = {
    "mse": mse_task,
    "gan": lambda clips: gan_task(clips, wrong_captions=0.5),
    "gan_cls": gan_cls_task,
}
"""Every kind of training, 14 steps each."""


def train_toy(
    kind: str, store: Path, folder: Path, report: Callable[[Any], None] = lambda rows: None
) -> None:
    """Train 14 steps; a point of the curves every 4 steps, a state every 6 or later."""
    torch.set_num_threads(1)
    train(
        TASKS[kind](Clips.open(store)),
        Checkpoint(folder),
        {"kind": kind},
        14,
        report=report,
        report_every=4,
        save_every=6,
    )


def unet_task(store: Path, settings: MseSettings) -> MseTask:
    """MSE training of a U-Net on blocks."""
    cut = windows_over(Clips.open(store), VARIED, batch_size=settings.batch_size)
    torch.manual_seed(0)
    network = build("unet", {"height": 32, "width": 32, "widths": (16, 32), "embedding": 16})
    assert isinstance(network, FilmModel)
    CPU.place(network)
    return MseTask(network, cut, settings, CPU)


class _Figures:
    """The same windows of people at every step, of two of which nothing is known."""

    def __init__(self, count: int) -> None:
        known = torch.arange(count) >= 2
        windows = figures.batch(count, future=2)
        self.windows = replace(windows, labels={**windows.labels, "labels_valid": known})

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        return repeat(self.windows, stop - start)


def people_task(store: Path, settings: MseSettings) -> MseTask:
    """MSE training of the people's networks on stick figures."""
    network = figures.people()
    # an untrained reader sees nobody
    torch.nn.init.constant_(network.reader.present.bias, 5.0)
    CPU.place(network)
    return MseTask(network, _Figures(settings.batch_size), settings, CPU)  # type: ignore[arg-type]


SHARED = {"unet": unet_task, "people": people_task}


def train_shared(
    kind: str,
    store: Path,
    folder: Path,
    settings: Mapping[str, Any],
    place: tuple[int, int, int],
    dies: int,
) -> None:
    """Train a network of a kind as one of several processes.

    `place` is port, rank and count; the last process kills itself after step `dies`.
    """

    def report(rows: list[dict[str, Any]]) -> None:
        if rank == count - 1 and rows[-1]["step"] == dies:
            os.kill(os.getpid(), signal.SIGKILL)

    torch.set_num_threads(1)
    port, rank, count = place
    meeting = dist.TCPStore("127.0.0.1", port, is_master=False)
    chosen = MseSettings(**settings)
    with distributed.together(meeting, rank, count, rank, cuda=False):
        train(
            SHARED[kind](store, chosen),
            Checkpoint(folder),
            dict(settings),
            chosen.steps,
            report=report,
            report_every=2,
            save_every=2,
        )
