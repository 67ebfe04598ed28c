"""Training a generator with the mean square error of the frames it draws."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.captions import Grammar
from videogeneration.data.clips import HISTORY, Clips
from videogeneration.data.windows import Batch, Windows, WindowSettings
from videogeneration.models.generator import Drawing, Generator
from videogeneration.models.motions import positions, present
from videogeneration.models.original import Original
from videogeneration.training.averaging import MovingAverage
from videogeneration.training.checkpoints import build
from videogeneration.training.device import Device
from videogeneration.training.losses import (
    apart_loss,
    at_another_pace,
    centre_loss,
    facing_loss,
    ground_loss,
    looks_loss,
    matching_loss,
    motion_weight,
    other_paces,
    path_loss,
    place_loss,
    shown_loss,
    step_down,
    true_tracks,
    turn_loss,
)
from videogeneration.validated import validated

MOTION_FACTOR = 3.0
"""The small networks that follow figures and see where they look learn so many times as fast."""


@validated
class MseSettings:
    """How a generator is trained with MSE.

    Attributes:
        steps: Updates of the weights.
        batch_size: Windows an update.
        learning_rate: AdamW's highest, after the warm-up; falls as half a cosine.
        weight_decay: AdamW's.
        warmup: Steps of linear warm-up.
        average: Decay of the exponential moving average of the weights that is kept; 0 keeps the
            weights themselves.
        history_noise: Largest standard deviation of the noise on past frames, in [0, 1]; drawn for
            every window and told to the network (Valevski et al., "Diffusion Models Are Real-Time
            Game Engines", 2024).
        drawn: Number of the frames to come that are drawn in a step, at random; where figures go
            is learned for all of them.
        moving: Weight of pixels that change, against 1 for those that stay.
        paces: Largest relative change of how fast figures go, where paths are learned; see
            `losses.at_another_pace`.
        tracks: Weight of where figures were, beside the square error; see `losses.place_loss`.
        poses: Weight of where figures are and where they go; see `losses.path_loss`. Pixels that
            miss their place by far say nothing of the way there.
        shown: Weight of telling figures apart, see `losses.shown_loss`, and from the ground, see
            `losses.apart_loss`.
        looks: Weight of which of its looks a figure has next, see `losses.looks_loss`, and of where
            it looks, see `losses.facing_loss`.
        ground: Weight of what is behind figures, see `losses.ground_loss`.
        matching: Weight of finding each past's caption among the batch's, by which a network that
            looks captions up place by place learns which figure is which; see `matching_loss`.
        seed: Order of the windows, augmentation, noise, first weights.
    """

    steps: int = 2000
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    warmup: int = 100
    average: float = 0.998
    history_noise: float = 0.1
    drawn: int = 4
    moving: float = 4.0
    paces: float = 0.0
    tracks: float = 0.1
    poses: float = 0.2
    shown: float = 0.02
    looks: float = 0.02
    ground: float = 2.0
    matching: float = 0.002
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "warmup", "drawn"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 1 or more")
        for name in ("learning_rate", "moving"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name}: {getattr(self, name)}; choose a positive number")
        for name in ("weight_decay", "tracks", "poses", "shown", "looks", "ground", "matching"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)}; choose 0 or more")
        for name in ("average", "history_noise", "paces"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)}; choose a number from 0 to 1")


def add_history_noise(history: Tensor, largest: float) -> tuple[Tensor, Tensor]:
    """Noise of a random strength a window on its present frames; missing ones stay zero.

    Args:
        history: `[B, T, H, W]` in [0, 1].
        largest: Largest standard deviation; weak noise is the most frequent.

    Returns:
        The noisy history, and its noise's standard deviations `[B]`.
    """
    strength = largest * torch.rand(len(history), device=history.device) ** 2
    of_frames = strength[:, None] * present(history)
    noise = torch.randn_like(history).mul_(of_frames[:, :, None, None])
    return noise.add_(history).clamp_(0, 1), strength


def square_error(
    frames: Tensor, batch: Batch, which: Tensor | slice, moving: float
) -> tuple[Tensor, Tensor]:
    """Mean square error of drawn frames where the clip goes on.

    Args:
        frames: `[B, K, H, W]`, drawn after the histories of `batch`.
        batch: Windows.
        which: Which of their future frames these are.
        moving: Weight of pixels that change, against 1 for those that stay.

    Returns:
        The weighted and the plain error.
    """
    newest, known = batch.history[:, -1], batch.known[:, which, None, None]
    true = torch.where(known, batch.future[:, which], newest[:, None])
    square = (frames - true) ** 2 * known / known.float().mean()
    return (square * motion_weight(newest, true, moving)).mean(), square.mean()


def in_half_frames(poses: Tensor, height: int, width: int) -> Tensor:
    """Poses as a network speaks of them.

    Args:
        poses: `[..., 3]`: column and row in pixels, and turns clockwise.
        height: Of the frame in pixels.
        width: Of the frame in pixels.

    Returns:
        `[..., 3]`: x and y in half widths and heights from the frame's centre, and radians.
    """
    unit = poses.new_tensor([2 / width, 2 / height, 2 * torch.pi])
    return poses * unit + poses.new_tensor([1 / width - 1, 1 / height - 1, 0.0])


def _groups(network: nn.Module) -> list[dict[str, Any]]:
    """A network's weights with the factors of their learning rates."""
    groups: dict[float, list[nn.Parameter]] = {}
    for name, weight in network.named_parameters():
        factor = MOTION_FACTOR if name.startswith(("motion.", "looks.", "facing.")) else 1.0
        groups.setdefault(factor, []).append(weight)
    return [{"params": weights, "factor": factor} for factor, weights in groups.items()]


class MseTask:
    """A generator, its optimiser, and the step that trains it; a `loop.Task`.

    Args:
        network: The generator, on its device.
        windows: What it learns from, with as many future frames as the network draws at once.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self, network: nn.Module, windows: Windows, settings: MseSettings, device: Device
    ) -> None:
        self.network, self.windows, self.settings = network, windows, settings
        self.device = device
        self.average = MovingAverage(network, settings.average)
        self.modules = {"generator": network, "average": self.average.network}
        self.optimizer = torch.optim.AdamW(
            _groups(network),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.optimizers = {"generator": self.optimizer}

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The windows of steps `start` to `stop`."""
        return self.windows.batches(start, stop)

    def step(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """One update.

        Returns:
            `loss`; `mse`, the plain square error; the losses beside it, by their weights' names;
            and `examples`, the number of frames that were drawn and have a true one.
        """
        s = self.settings
        batch = batch.to(self.device.name)
        for group in self.optimizer.param_groups:
            rate = group["factor"] * s.learning_rate
            group["lr"] = rate * step_down(step, s.steps, s.warmup)

        history, noise = add_history_noise(batch.history, s.history_noise)
        # the nearest is always among them: every clip has it
        ahead = batch.known.shape[1]
        which = F.pad(1 + torch.randperm(ahead - 1)[: s.drawn - 1].sort().values, (1, 0))
        beside: dict[str, Tensor] = {}
        if isinstance(self.network, Generator):
            with self.device.autocast():
                drawing = self.network.draw(history, batch.caption, noise, which)
            frames, beside = drawing.frames, _beside(self.network, drawing, batch, s.paces)
        else:
            with self.device.autocast():
                frames = self.network(history, batch.caption, noise)
        loss, mse = square_error(frames, batch, which, s.moving)
        for name, figure in beside.items():
            loss = loss + getattr(s, name) * figure
        examples = batch.known[:, which].sum().float()
        figures = {"mse": mse, **beside, "examples": examples}
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.network, step)
        return {"loss": loss, **figures}

    def result(self) -> nn.Module:
        """The averaged generator."""
        return self.average.network if self.settings.average else self.network


def _beside(network: Generator, drawing: Drawing, batch: Batch, paces: float) -> dict[str, Tensor]:
    """What counts beside the square error, by the name of its weight."""
    height, width = batch.history.shape[-2:]
    count = drawing.centres.shape[1]
    poses = in_half_frames(batch.poses[:, :, :count], height, width)
    poses = F.pad(poses, (0, 0, 0, count - poses.shape[2]), value=torch.nan)
    cells = positions(height, width, poses.device)
    factor = other_paces(batch.history, paces)
    walked = at_another_pace(poses, factor)
    # at first tracks say nothing: where they lead is learned from true ones as well
    taught = network.motion.paths(true_tracks(walked[:, :HISTORY]), drawing.told)
    if paces:
        there = drawing.tracks.ne(0).any(3, keepdim=True)
        tracks = there * at_another_pace(drawing.tracks.transpose(1, 2), factor).transpose(1, 2)
        paths = network.motion.paths(tracks, drawing.told)
        # from frames in which nobody was yet, nothing is learned
        own = path_loss(paths[:, :, -1:], walked[:, HISTORY - 1 :])
    else:
        own = path_loss(drawing.paths, poses)
    losses = {
        "tracks": place_loss(drawing.about, poses[:, :HISTORY])
        + turn_loss(drawing.tracks, poses[:, :HISTORY]),
        "poses": path_loss(taught, walked)
        + own
        + centre_loss(drawing.centres, poses[:, HISTORY - 1]),
        "shown": shown_loss(drawing.shown, cells, poses[:, HISTORY - 1]),
    }
    layers = drawing.layers
    if network.facing is not None and layers.cut is not None and drawing.looks is not None:
        losses["ground"] = ground_loss(layers.ground, batch.history[:, -1], batch.ground)
        losses["shown"] = losses["shown"] + apart_loss(
            drawing.shown, layers.cut, batch.history, batch.ground
        )
        losses["looks"] = looks_loss(
            drawing.looks, batch.history, batch.future, batch.known, poses, batch.ground
        )
        newest = layers.newest.flatten(0, 1).detach()
        facing = network.facing(newest, drawing.centres.detach().flatten(0, 1))
        losses["looks"] = losses["looks"] + facing_loss(
            facing.view(-1, count), poses, batch.backwards
        )
    if drawing.match is not None:
        losses["matching"] = matching_loss(drawing.match)
    return losses


@dataclass(frozen=True)
class MseTraining:
    """Everything that a generator trained with MSE depends on.

    Attributes:
        clips: What it learns from: a store's training clips.
        captions: One-hot uint8 `[clips of the store, max_words, vocabulary]`.
        grammar: What the source can say.
        network: `name`, and the settings of that network but those that the clips and the grammar
            decide.
        windows: How windows are cut and varied.
        settings: How it is trained.
        compute: `device` and `precision`, see `Device.choose`.
    """

    clips: Clips
    captions: np.ndarray
    grammar: Grammar
    network: dict[str, Any]
    windows: WindowSettings
    settings: MseSettings
    compute: dict[str, str]

    def inputs(self) -> dict[str, Any]:
        """The same, JSON-able: equal inputs give equal weights on one machine."""
        return {
            "clips": self.clips.fingerprint(),
            "grammar": self.grammar.description(),
            "network": self.network,
            "windows": asdict(self.windows),
            "mse": asdict(self.settings),
            "compute": self.compute,
        }

    def generator(self) -> Generator | Original:
        """The network before its training, its weights drawn from the seed.

        Raises:
            ValueError: The network's name or settings cannot be, see `build`.
        """
        height, width = self.clips.size
        words, vocabulary = self.grammar.vocabulary.shape
        shape = {"height": height, "width": width, "words": words, "vocabulary": vocabulary}
        settings = {key: value for key, value in self.network.items() if key != "name"}
        torch.manual_seed(self.settings.seed)
        network = build(self.network["name"], {**settings, **shape, "history": HISTORY})
        return cast(Generator | Original, network)

    def task(self) -> MseTask:
        """The training itself, before its first step."""
        device, settings, network = Device.choose(**self.compute), self.settings, self.generator()
        cut = Windows(
            self.clips,
            self.captions,
            self.grammar,
            self.windows,
            settings.batch_size,
            network.ahead,
            settings.seed,
            grounds=isinstance(network, Generator) and network.config.sources > 0,
        )
        device.place(network)
        return MseTask(network, cut, settings, device)
