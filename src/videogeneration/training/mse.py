"""Training a generator of films with the loss that it defines: square error and what is beside."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from videogeneration import distributed
from videogeneration.captions import Grammar
from videogeneration.data.clips import HISTORY, Clips
from videogeneration.data.windows import Windows, WindowSettings
from videogeneration.models.interface import Batch, FilmModel
from videogeneration.models.registry import FILM_MODELS
from videogeneration.training.averaging import moving_average
from videogeneration.training.checkpoints import Checkpoint, build, differences
from videogeneration.training.device import Device
from videogeneration.training.losses import descend, step_down
from videogeneration.training.replay import training_loss
from videogeneration.validated import SettingsError, validated, within

_MOVES = 0.15
"""A pixel that changes by as much, in [0, 1], counts fully as one where something moves."""


@validated
class MseSettings:
    """How a generator is trained with MSE.

    Attributes:
        steps: Updates of the weights.
        batch_size: Windows an update.
        learning_rate: AdamW's highest, after the warm-up; falls as half a cosine.
        weight_decay: AdamW's.
        warmup: Steps of linear warm-up.
        ema_decay: Decay of the exponential moving average of the weights that is kept; 0 keeps the
            weights themselves.
        history_noise: Largest standard deviation of the noise on past frames, in [0, 1]; drawn for
            every window and told to the network (Valevski et al., "Diffusion Models Are Real-Time
            Game Engines", 2024).
        motion_weight: Weight of pixels that change, against 1 for those that stay.
        start: A trained network whose weights it starts from: `package` for the one that comes
            along, or a checkpoint's folder; None for new weights.
        seed: Order of the windows, augmentation, noise, first weights.
    """

    steps: int = Field(800, ge=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-4, ge=0)
    warmup: int = Field(100, ge=1)
    ema_decay: float = Field(0.998, ge=0, le=1)
    history_noise: float = Field(0.06, ge=0, le=1)
    motion_weight: float = Field(4.0, gt=0)
    start: str | None = None
    seed: int = 0


def weigh_motion(batch: Batch, most: float) -> Batch:
    """Weigh pixels of the future by whether something moves there: most of a frame is background.

    Args:
        batch: Windows.
        most: Weight of a pixel that changes, against 1 for one that stays.
    """
    newest, valid = batch.history[:, -1:], batch.future_valid[:, :, None, None]
    change = (torch.where(valid, batch.future, newest) - newest).abs()
    # pooled, so that the inside of a figure counts as well as its outline
    coarse = F.avg_pool2d(F.max_pool2d(change, 4, ceil_mode=True), 3, 1, 1)
    change = F.interpolate(coarse, change.shape[-2:], mode="bilinear")
    return replace(batch, weight=1 + (most - 1) * (change / _MOVES).clamp(0, 1))


def add_history_noise(batch: Batch, largest: float) -> Batch:
    """Noise of a random strength a window on the frames of the history that there are.

    Args:
        batch: Windows whose history is clean.
        largest: Largest standard deviation; weak noise is the most frequent.
    """
    history, valid = batch.history, batch.history_valid
    strength = largest * torch.rand(len(history), device=history.device) ** 2
    noise = torch.randn_like(history).mul_((strength[:, None] * valid)[:, :, None, None])
    return replace(batch, history=noise.add_(history).clamp_(0, 1), noise=strength)


class MseTask:
    """A generator, its optimiser, and the step that trains it; a `loop.Task`.

    Args:
        network: The generator, on its device.
        windows: What it learns from, with as many future frames as the network predicts at once.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self, network: FilmModel, windows: Windows, settings: MseSettings, device: Device
    ) -> None:
        self.network, self.windows, self.settings = network, windows, settings
        self.device = device
        if settings.batch_size == 1 and any(isinstance(x, _BatchNorm) for x in network.modules()):
            raise ValueError(
                "mse.batch_size: 1, but this network normalises over windows; choose 2 or more"
            )
        self.average = moving_average(network, settings.ema_decay)
        self.modules = {"generator": network, "average": self.average}
        self.optimizer = torch.optim.AdamW(
            network.parameter_groups(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.optimizers = {"generator": self.optimizer}
        self.loss = training_loss(network, device)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The windows of steps `start` to `stop`."""
        return self.windows.batches(start, stop)

    def step(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """One update.

        Returns:
            `loss`; what the network says of it, `mse` among it; and `examples`, the number of true
            frames that were learned from.
        """
        s = self.settings
        batch = weigh_motion(batch.to(self.device.name), s.motion_weight)
        # drawn for all, so that several processes draw what one would
        batch = add_history_noise(batch, s.history_noise)
        examples = batch.future_valid.sum().float()
        for group in self.optimizer.param_groups:
            rate = group["lr_factor"] * s.learning_rate
            group["lr"] = rate * step_down(step, s.steps, s.warmup)
        with self.device.autocast():
            lesson = distributed.share(self.network.lesson(batch))
            distributed.draw_apart()
            loss, figures = self.loss(lesson)
        descend(self.optimizer, loss, 1.0)
        self.average.update_parameters(self.network)
        return {"loss": loss, "examples": examples, **figures}

    def result(self) -> nn.Module:
        """The averaged generator."""
        return self.average.module


def chosen_network(network: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of the network that settings choose, and its own settings, see `MseTraining`.

    Raises:
        SettingsError: The name, or an entry beside it, is of no network that makes films.
    """
    known = ", ".join(FILM_MODELS)
    name = str(network.get("name", ""))
    if name not in FILM_MODELS:
        raise SettingsError(f"network.name: '{name}'; choose one of {known}")
    for entry in network:
        if entry != "name" and entry not in FILM_MODELS:
            raise SettingsError(
                f"network.{entry}: unknown; a network's settings stand under its name, as in "
                f"network.{name}.{entry}; there are {known}"
            )
    return name, dict(network.get(name) or {})


@dataclass(frozen=True)
class MseTraining:
    """Everything that a generator trained with MSE depends on.

    Attributes:
        clips: What it learns from: a store's training clips.
        captions: One-hot uint8 `[clips of the store, max_words, vocabulary]`.
        grammar: What the source can say.
        network: `name`, one of `FILM_MODELS`; and by their names the settings of networks, of which
            those of the chosen one count. What the clips and the grammar decide is no setting.
        windows: How windows are cut and varied.
        settings: How it is trained.
        compute: `device` and `precision`, see `ComputeSettings.inputs`.
        package: The network that comes along, if there is one.
    """

    clips: Clips
    captions: np.ndarray
    grammar: Grammar
    network: Mapping[str, Any]
    windows: WindowSettings
    settings: MseSettings
    compute: dict[str, str]
    package: Checkpoint | None = None

    def inputs(self) -> dict[str, Any]:
        """All it depends on, JSON-able: equal inputs give equal weights on one machine."""
        name, settings = chosen_network(self.network)
        return {
            "clips": self.clips.fingerprint(),
            "grammar": self.grammar.description(),
            "network": {"name": name, **settings},
            "windows": asdict(self.windows),
            "mse": asdict(self.settings),
            "compute": self.compute,
            **({"start": start.fingerprint()} if (start := self.start()) else {}),
        }

    def start(self) -> Checkpoint | None:
        """The network that it starts from.

        Raises:
            ValueError: It is named, and there is none.
        """
        named = self.settings.start
        if named is None:
            return None
        start = self.package if named == "package" else Checkpoint(Path(named))
        if start is None or not start.description():
            raise ValueError(
                f"mse.start: no trained network '{named}'; name a checkpoint's folder, as in "
                "data/06_models/kth/mse, or choose new weights with mse.start: null"
            )
        return start

    def generator(self) -> FilmModel:
        """The network before its training, its weights drawn from the seed or those of `start`.

        Raises:
            ValueError: The network's name or settings cannot be, see `build`, or are others than
                those of the network that it starts from; or it cannot draw these clips.
        """
        name, settings = chosen_network(self.network)
        height, width = self.clips.size
        words, vocabulary = self.grammar.vocabulary.shape
        shape = {"height": height, "width": width, "words": words, "vocabulary": vocabulary}
        torch.manual_seed(self.settings.seed)
        try:
            network = build(name, {**settings, **shape, "history": HISTORY})
        except SettingsError as error:
            raise within(f"network.{name}", error) from None
        assert isinstance(network, FilmModel)
        background = self.clips.background(0)
        if network.before_black and background is not None and background.any():
            fitting = [x for x, (kind, _) in FILM_MODELS.items() if not kind.before_black]
            raise ValueError(
                f"network.name: '{name}' draws before black, and these clips have a background; "
                f"choose one of {', '.join(fitting)}"
            )
        if start := self.start():
            said, own = start.description(), json.loads(json.dumps(asdict(network.config)))
            others = differences(said["network"], name, "network")
            if others := others or differences(said["config"], own):
                raise ValueError(
                    f"mse.start: {start.folder} is another network ({', '.join(others)}); "
                    "give it these settings, or choose new weights with mse.start: null"
                )
            network.load_state_dict(start.load().state_dict())
        return network

    def task(self, device: Device) -> MseTask:
        """The training itself, before its first step."""
        settings, network = self.settings, self.generator()
        cut = Windows(
            self.clips,
            self.captions,
            self.grammar,
            self.windows,
            settings.batch_size,
            network.horizon,
            settings.seed,
            network.labels,
            network.sequences,
        )
        device.place(network)
        return MseTask(network, cut, settings, device)
