"""What every generator of films is to the rest of the project: `Batch` in, a loss or frames out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from videogeneration.models.discriminator import (
    Discriminator,
    DiscriminatorConfig,
    FeatureDiscriminator,
)
from videogeneration.models.losses import square_error


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
        weight: float32 `[B, K, H, W]`: how much a pixel of the future counts in the square error;
            None where all count alike.
        labels: What else is known, by name, a row a window: over the T + K frames
            (`poses [B, T + K, P, 3]`: column and row in pixels, and turns clockwise; `poses_valid`
            bool `[B, T + K, P]`), or of the window (`background [B, H, W]` in [0, 1],
            `background_valid` bool `[B]`, `labels_valid` bool `[B]`: whether the other labels are
            known). Labels of sequences without pictures, `[B, N, L, ...]`, and their sentences are
            called `motion_<name>` and `motion_caption`.
    """

    history: Tensor
    history_valid: Tensor
    future: Tensor
    future_valid: Tensor
    caption: Tensor
    noise: Tensor
    weight: Tensor | None = None
    labels: Mapping[str, Tensor] = field(default_factory=dict)

    def to(self, device: str) -> "Batch":
        """The same batch on a device."""
        moved: Batch = tree_map_only(Tensor, lambda x: x.to(device, non_blocking=True), self)
        return moved

    @classmethod
    def to_continue(cls, history: Tensor, valid: Tensor, caption: Tensor) -> "Batch":
        """What a film starts from: a clean history and a caption, and no future."""
        nothing, clean = history[:, :0], history.new_zeros(len(history))
        return cls(history, valid, nothing, valid[:, :0], caption, clean)


torch.export.register_dataclass(Batch)


@dataclass(frozen=True)
class Sight:
    """What a model makes of a frame that a film could start from.

    Attributes:
        in_view: How much of what it can animate the frame shows: 0 nothing, 1 all of it.
        remark: What is wrong with it, as the rest of a sentence that begins with the picture's
            name; empty where nothing is.
    """

    in_view: float = 1.0
    remark: str = ""


class FilmModel(nn.Module):
    """A generator of films.

    One that is trained with the square error alone defines `predict` and sets its attributes.

    Attributes:
        config: The frozen dataclass that rebuilds it.
        horizon: K, the number of frames that `predict` gives at once.
        labels: Names of the labels that it learns from, where a source knows them.
        sequences: Number of labelled sequences without pictures that it wants beside every window,
            where a source has them.
        before_black: Whether it draws figures before a black background alone.
        replayed: Whether `training_loss` runs the same kernels whatever is in a lesson's tensors; a
            GPU may replay them then.
    """

    config: Any
    horizon: int = 1
    labels: tuple[str, ...] = ()
    sequences: int = 0
    before_black: bool = False
    replayed: bool = False

    def predict(self, batch: Batch) -> Tensor:
        """The next frames, with gradients; the batch's `future`, `weight` and `labels` are unread.

        Returns:
            float32 `[B, horizon, H, W]` in [0, 1].
        """
        raise NotImplementedError

    def imitate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Frames for an adversary to tell from the true ones, with gradients.

        Here they are those of `predict`. A model may look at the future to know what to draw, if
        not how that looks.

        Returns:
            float32 `[B, horizon, H, W]` in [0, 1], and a penalty for what an adversary does not
            see, a scalar; here 0.
        """
        frames = self.predict(batch)
        return frames, frames.new_zeros(())

    def lesson(self, batch: Batch) -> Any:
        """What a step learns from, where that is picked and varied at random: a tree of tensors.

        Several processes draw the same one for all their windows, and learn from a share of its
        rows each. Here it is the batch as it is.

        Args:
            batch: Windows with `horizon` future frames.

        Returns:
            Tensors with rows, in dataclasses known to `torch.export.register_dataclass`.
        """
        return batch

    def training_loss(self, lesson: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """What training minimises, and figures for the curves: here the square error.

        Args:
            lesson: From `lesson`, or a share of its rows.

        Returns:
            A scalar, and scalars by name: `mse`, the plain square error; and `examples`, the number
            of true frames that were learned from, where these are not all.
        """
        frames = self.predict(lesson).float()
        loss, mse = square_error(frames, lesson.future, lesson.future_valid, lesson.weight)
        return loss, {"mse": mse}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Parameters for an optimiser, each group with its `lr_factor`."""
        return [{"params": list(self.parameters()), "lr_factor": 1.0}]

    def begin_adversarial(self) -> None:
        """Freeze what an adversary has nothing to say about; nothing by default."""

    def discriminator(self, config: DiscriminatorConfig) -> Discriminator | FeatureDiscriminator:
        """An adversary for this network; by default one that sees pixels."""
        return Discriminator(config)

    @torch.no_grad()
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
            frames = self.predict(Batch.to_continue(history, valid, caption))
            yield frames
            history, valid = push(history, valid, frames)

    def generate(
        self, history: Tensor, valid: Tensor, caption: Tensor, horizon: int, seed: int = 0
    ) -> Tensor:
        """A film: the first frames of `rollout`, float32 `[B, horizon, H, W]` in [0, 1]."""
        drawn: list[Tensor] = []
        for frames in self.rollout(history, valid, caption, seed):
            drawn.append(frames.float())
            if sum(part.shape[1] for part in drawn) >= horizon:
                break
        return torch.cat(drawn, 1)[:, :horizon]

    def look_at(
        self, frames: Tensor, area: tuple[slice, slice] = (slice(None), slice(None))
    ) -> list[Sight]:
        """Say what can be animated in frames; this one takes all as they are.

        Args:
            frames: `[N, H, W]` in [0, 1].
            area: Rows and columns of them that show the picture; the others are around it.
        """
        return [Sight()] * len(frames)

    @torch.no_grad()
    def paint(
        self, pictures: Tensor, history: Tensor, valid: Tensor, caption: Tensor, seed: int = 0
    ) -> Iterator[Tensor]:
        """A film for the eye: frames at the size of the pictures that the history was made from.

        This one enlarges its small grey frames; a model that can draws at that size, in the
        pictures' colours. `pictures`, `[B, P, C, H', W']` in [0, 1], are the newest P frames of the
        history at their own size; what is missing is zero. For the rest see `rollout`.

        Yields:
            `[B, P, C, H', W']` in [0, 1], the given frames as they look in this film; then the
            drawn ones, `[B, K, C, H', W']`. It ends where nothing is left that could move.
        """

        def enlarged(frames: Tensor) -> Tensor:
            large = F.interpolate(frames.float(), pictures.shape[-2:], mode="bicubic")
            return large.clamp(0, 1)[:, :, None].expand(-1, -1, pictures.shape[2], -1, -1)

        yield enlarged(history[:, -pictures.shape[1] :])
        for frames in self.rollout(history, valid, caption, seed):
            yield enlarged(frames)


def push(history: Tensor, valid: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
    """A history some steps on: as many of its oldest frames leave as there are new ones.

    Args:
        history: `[B, T, H, W]`, newest last.
        valid: bool `[B, T]`: which of these frames there are.
        frames: `[B, K, H, W]`, newest last.

    Returns:
        The same shapes.
    """
    count = history.shape[1]
    new = valid.new_ones(frames.shape[:2])
    return torch.cat([history, frames], 1)[:, -count:], torch.cat([valid, new], 1)[:, -count:]
