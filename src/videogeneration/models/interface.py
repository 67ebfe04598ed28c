"""What every generator of films is to the rest of the project: `Batch` in, a loss or frames out."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Batch:
    """Windows for one step of training.

    Attributes:
        history: float32 `[B, T, H, W]` in [0, 1], newest last; what is missing is zero.
        history_valid: bool `[B, T]`: which of these frames there are; the newest always.
        future: float32 `[B, K, H, W]` in [0, 1]: the frames that follow; what is missing is zero.
        future_valid: bool `[B, K]`: which of these there are; the first always.
        caption: float32 one-hot `[B, max_words, vocabulary]`.
        noise: float32 `[B]`: standard deviation of the noise that is on the history.
        labels: What the source knows besides, by name, a row a window: over the T + K frames
            (`poses [B, T + K, P, 3]`: column and row in pixels, and turns clockwise; `poses_valid`
            bool `[B, T + K, P]`), or of the window (`background [B, H, W]` in [0, 1],
            `background_valid` bool `[B]`, `backwards` bool `[B]`: which are played backwards).
    """

    history: Tensor
    history_valid: Tensor
    future: Tensor
    future_valid: Tensor
    caption: Tensor
    noise: Tensor
    labels: Mapping[str, Tensor] = field(default_factory=dict)

    def to(self, device: str) -> "Batch":
        """The same batch on a device."""
        moved = {
            f.name: getattr(self, f.name).to(device, non_blocking=True)
            for f in fields(self)
            if f.name != "labels"
        }
        labels = {name: x.to(device, non_blocking=True) for name, x in self.labels.items()}
        return replace(self, **moved, labels=labels)


class FilmModel(nn.Module):
    """A generator of films.

    Attributes:
        config: The frozen dataclass that rebuilds it.
        horizon: K, the number of frames that `predict` gives at once.
    """

    config: Any
    horizon: int = 1

    @abstractmethod
    def training_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """What training minimises, and figures for the curves.

        Args:
            batch: Windows with `horizon` future frames.

        Returns:
            A scalar, and scalars by name; `mse` among them, the plain square error.
        """

    @abstractmethod
    def predict(self, batch: Batch) -> Tensor:
        """The next frames `[B, horizon, H, W]` in [0, 1], with gradients; `future` is not read."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters for an optimiser, each group with its `lr_factor`."""
        return [{"params": list(self.parameters()), "lr_factor": 1.0}]

    def begin_adversarial(self) -> None:
        """Freeze what an adversary has nothing to say about; nothing by default."""

    def rollout(
        self, history: Tensor, valid: Tensor, caption: Tensor, seed: int = 0
    ) -> Iterator[Tensor]:
        """Frames after frames, for ever, in constant memory.

        This one appends what it predicts to the history; a model with a state of its own has its
        own way.

        Args:
            history: float32 `[B, T, H, W]` in [0, 1], newest last; what is missing is zero.
            valid: bool `[B, T]`: which of these frames there are; the newest always.
            caption: One-hot `[B, max_words, vocabulary]`.
            seed: Decides everything that is drawn at random.

        Yields:
            `[B, K, H, W]` in [0, 1], `K` at least 1.
        """
        while True:
            frames = self.predict(self._given(history, valid, caption))
            yield frames
            history = torch.cat([history, frames], 1)[:, frames.shape[1] :]
            there = valid.new_ones(frames.shape[:2])
            valid = torch.cat([valid, there], 1)[:, frames.shape[1] :]

    @torch.no_grad()
    def generate(
        self, history: Tensor, valid: Tensor, caption: Tensor, horizon: int, seed: int = 0
    ) -> Tensor:
        """A film.

        Args:
            history: float32 `[B, T, H, W]` in [0, 1], newest last; what is missing is zero.
            valid: bool `[B, T]`: which of these frames there are; the newest always.
            caption: One-hot `[B, max_words, vocabulary]`.
            horizon: Number of frames.
            seed: Decides everything that is drawn at random.

        Returns:
            float32 `[B, horizon, H, W]` in [0, 1].
        """
        drawn: list[Tensor] = []
        for frames in self.rollout(history, valid, caption, seed):
            drawn.append(frames.float())
            if sum(part.shape[1] for part in drawn) >= horizon:
                break
        return torch.cat(drawn, 1)[:, :horizon]

    @staticmethod
    def _given(history: Tensor, valid: Tensor, caption: Tensor) -> Batch:
        """A batch of which nothing is known but what a film starts from."""
        nothing = history[:, :0]
        noise = history.new_zeros(len(history))
        return Batch(history, valid, nothing, valid[:, :0], caption, noise)
