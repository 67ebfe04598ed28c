"""Training the network that says what the figure of a film does."""

from collections.abc import Iterator

import torch
from pydantic import Field
from torch import Tensor, nn

from videogeneration.captions import ActionGrammar
from videogeneration.data.action_films import ActionFilms, ActionFilmSettings, FilmBatch, readings
from videogeneration.models.action_judge import ActionJudge, ActionJudgeConfig
from videogeneration.training.device import Device
from videogeneration.training.losses import descend, step_down
from videogeneration.validated import validated


@validated
class JudgeSettings:
    """How the network of a judge is trained.

    Attributes:
        steps: Updates of the weights.
        batch_size: Films an update.
        learning_rate: AdamW's highest, after the warm-up; falls as half a cosine.
        weight_decay: AdamW's.
        warmup: Steps in which the learning rate rises.
        seed: Order of the films, first weights.
        films: Which films it learns from.
    """

    steps: int = Field(2000, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(3e-3, gt=0)
    weight_decay: float = Field(0.02, ge=0)
    warmup: int = Field(30, ge=0)
    seed: int = 0
    films: ActionFilmSettings = ActionFilmSettings()


class ActionJudgeTask:
    """A judge of actions and the step that trains it; a `loop.Task`.

    Args:
        network: On its device.
        films: What it learns from; several kinds in equal parts.
        settings: How.
        device: Device and precision.
    """

    def __init__(
        self,
        network: ActionJudge,
        films: list[ActionFilms],
        settings: JudgeSettings,
        device: Device,
    ) -> None:
        self.network, self.films, self.settings, self.device = network, films, settings, device
        self.modules: dict[str, nn.Module] = {"action_judge": network}
        self.optimizer = torch.optim.AdamW(
            network.parameters(),
            settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self.optimizers = {"action_judge": self.optimizer}

    @classmethod
    def build(
        cls,
        grammar: ActionGrammar,
        films: list[ActionFilms],
        settings: JudgeSettings,
        device: Device,
    ) -> "ActionJudgeTask":
        """With a new network for the grammar's actions, its first weights drawn from the seed."""
        config = ActionJudgeConfig(
            readings=len(readings(grammar)),
            size=settings.films.size,
            frame_step=settings.films.frame_step,
        )
        torch.manual_seed(settings.seed)
        network = ActionJudge(config)
        device.place(network)
        return cls(network, films, settings, device)

    def batches(self, start: int, stop: int) -> Iterator[FilmBatch]:
        """The films of steps `start` to `stop`."""
        size = -(-self.settings.batch_size // len(self.films))
        kinds = [films.batches(start, stop, size) for films in self.films]
        return map(FilmBatch.joined, zip(*kinds, strict=True))

    def step(self, step: int, batch: FilmBatch) -> dict[str, Tensor]:
        """One update; returns `loss` and `right`, the share of films read rightly."""
        s = self.settings
        batch = batch.to(self.device.name)
        for group in self.optimizer.param_groups:
            group["lr"] = s.learning_rate * step_down(step, s.steps, s.warmup)
        self.network.train()
        with self.device.autocast():
            logits = self.network(batch.film, batch.valid)
        loss = nn.functional.cross_entropy(logits.float(), batch.reading)
        descend(self.optimizer, loss, 5.0)
        return {"loss": loss, "right": (logits.argmax(1) == batch.reading).float().mean()}

    def result(self) -> nn.Module:
        """The judge."""
        return self.network
