"""The generator of people: pose, motion, background and renderer."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from videogeneration.models.interface import Batch, FilmModel
from videogeneration.models.people.background import Background, BackgroundConfig
from videogeneration.models.people.losses import (
    LossWeights,
    background_loss,
    drawing_losses,
    pose_losses,
    reconstruction_loss,
)
from videogeneration.models.people.motion import FEATURES, Motion, MotionConfig, Track
from videogeneration.models.people.pose import Pose, PoseConfig, PoseReader
from videogeneration.models.people.renderer import Placed, Renderer, RendererConfig


FRAMES = 10
"""Frames that are drawn at once."""


@dataclass(frozen=True)
class PeopleConfig:
    """The generator of people.

    Attributes:
        words: Rows of the one-hot caption.
        vocabulary: Columns of the one-hot caption.
        condition: Width of the caption embedding.
        looks: Given frames that a figure is drawn from, at most.
        horizon: Frames that an adversary judges at once.
        drawings: Frames a window that the renderer learns to draw in a step.
        jitter: Deviation of the noise on true keypoints, in body heights: what is read is not exact.
        mirrored: Share of figures that are drawn as their mirror image.
        inverted: Share of windows whose greys are inverted: few people's clothes are seen.
        light: Largest logarithm of the gain and of the gamma that windows are varied by.
        pose: The pose reader.
        motion: The motion network.
        background: The background network.
        renderer: The renderer.
        weights: How much each loss counts.
    """

    words: int
    vocabulary: int
    condition: int = 32
    looks: int = 3
    horizon: int = 2
    drawings: int = 1
    jitter: float = 0.008
    mirrored: float = 0.3
    inverted: float = 0.1
    light: float = 0.35
    pose: PoseConfig = field(default_factory=PoseConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    background: BackgroundConfig = field(default_factory=BackgroundConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    weights: LossWeights = field(default_factory=LossWeights)

    def __post_init__(self) -> None:
        for name in ("words", "vocabulary", "condition", "looks", "horizon", "drawings"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")


@dataclass(frozen=True)
class Scene:
    """What was read from the given frames.

    Attributes:
        past: Poses, `[B, T]`.
        seen: bool `[B, T]`: in which frames there is a figure.
        frames: The frames to draw from, `[B, S, H, W]`.
        alpha: The figure in them, likewise.
        shown: bool `[B, S]`: which of them there are.
        given: Their poses, `[B, S]`.
        background: `[B, H, W]`.
    """

    past: Track
    seen: Tensor
    frames: Tensor
    alpha: Tensor
    shown: Tensor
    given: Placed
    background: Tensor


class People(FilmModel):
    """Reads poses from the given frames, says the poses to come, and draws each from what was given.

    Poses are rolled out, pixels never: a film of any length is as sharp at its end.

    Args:
        config: Its networks.
    """

    config: PeopleConfig
    adversarial: Tensor

    def __init__(self, config: PeopleConfig) -> None:
        super().__init__()
        self.config, self.horizon = config, config.horizon
        self.caption = nn.Sequential(
            nn.Flatten(),
            nn.Linear(config.words * config.vocabulary, 64),
            nn.SiLU(),
            nn.Linear(64, config.condition),
        )
        self.reader = PoseReader(config.pose)
        self.motion = Motion(config.motion)
        self.background = Background(config.background)
        self.renderer = Renderer(config.renderer)
        self.register_buffer("adversarial", torch.tensor(False))


    def training_loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """The losses of all networks, each from what is known.

        Of labelled windows the reader learns the true poses, the renderer to draw one frame's
        figure in another frame's true pose, the motion the true poses to come. Of others reader and
        renderer learn together: one frame's figure in the pose that is read from another must give
        that other.

        Args:
            batch: Its labels are, over the T + K frames, `keypoints` `[B, T + K, 16, 2]` in pixels,
                `keypoints_valid` bool `[B, T + K, 16]` (within the frame), `present` bool
                `[B, T + K]` (known, be it beyond the frame), `follows` bool `[B, T + K]` (the
                caption is what is done), `silhouette` `[B, T + K, H, W]` in [0, 1], `scale` and
                `heading` `[B, T + K]`; of the window `labels_valid` bool `[B]`, `background`
                `[B, H, W]` and `background_valid` bool `[B]`. Of sequences without pictures, which
                the motion learns from instead where there are: `motion_keypoints`
                `[B, N, L, 16, 2]`, `motion_scale`, `motion_heading`, `motion_present`,
                `motion_follows` `[B, N, L]` and `motion_caption` `[B, N, words, vocabulary]`.
        """
        lesson = self._lesson(batch)
        read = self.reader(lesson.frames.flatten(0, 1))
        losses = pose_losses(
            read,
            lesson.true.keypoints.flatten(0, 1),
            lesson.inside.flatten(0, 1),
            lesson.silhouette.flatten(0, 1),
            lesson.true.scale.flatten(),
            lesson.true.heading.flatten(0, 1),
            lesson.labelled.repeat_interleave(lesson.frames.shape[1]),
        )
        drawing, square = self._drawing(lesson, read, self.caption(batch.caption))
        losses |= drawing | {"motion": self._motion_loss(batch)}
        metrics = {name: loss.detach() for name, loss in losses.items()}
        return self.config.weights.total(losses), metrics | {"mse": square.detach()}

    def _lesson(self, batch: Batch) -> "_Lesson":
        """Pick the frames to draw from and to draw, and vary their light."""
        c, labels = self.config, batch.labels
        frames = torch.cat([batch.history, batch.future], 1)
        there = torch.cat([batch.history_valid, batch.future_valid], 1)
        labelled = labels["labels_valid"]
        visible = there & (labels["keypoints_valid"].any(2) | ~labelled[:, None])
        # mostly frames with a figure; some without, for the reader
        wanted = visible & (torch.rand(len(frames), 1, device=frames.device) < 0.9)
        order = torch.rand(frames.shape[:2], device=frames.device) + there + 2 * wanted
        picked = order.topk(c.looks + c.drawings, 1).indices
        if torch.rand(()) < 0.7:
            picked = torch.cat([picked[:, :1], picked[:, c.looks :]], 1)
        lesson = _Lesson(
            frames=_take(frames, picked),
            visible=_take(visible, picked),
            inside=_take(labels["keypoints_valid"] & visible[..., None], picked),
            silhouette=_take(labels["silhouette"], picked),
            true=_map(_true(labels, ""), lambda x: _take(x, picked)),
            background=labels["background"],
            labelled=labelled,
            background_valid=labels["background_valid"],
        )
        return lesson.varied(c.light, c.inverted).mirrored(c.mirrored, c.drawings)

    def _drawing(
        self, lesson: "_Lesson", read: Pose, condition: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Losses of renderer and background, and the square error of the frames."""
        shape, c = lesson.visible.shape, self.config
        labelled = lesson.labelled[:, None].expand(shape)
        true = lesson.true
        noise = c.jitter * true.scale[..., None, None] * torch.randn_like(true.keypoints)
        track = Track(
            torch.where(
                labelled[..., None, None], true.keypoints + noise, read.keypoints.unflatten(0, shape)
            ),
            torch.where(labelled, true.scale, read.scale.unflatten(0, shape)).clamp(min=8),
            torch.where(labelled[..., None], true.heading, read.heading.unflatten(0, shape)),
        )
        alpha = read.silhouette.sigmoid().unflatten(0, shape)
        exact = labelled & (torch.rand(shape, device=alpha.device) < 0.5)
        alpha = torch.where(exact[..., None, None], lesson.silhouette, alpha.detach())
        seen = lesson.visible & (labelled | (read.present > 0).unflatten(0, shape))
        looks = shape[1] - c.drawings
        first, last = slice(0, looks), slice(looks, None)
        figure, logit = self.renderer(
            lesson.frames[:, first],
            alpha[:, first],
            seen[:, first],
            _placed(track.frames(first)),
            _placed(track.frames(last)),
            condition,
        )
        behind = self.background(lesson.frames[:, first], alpha[:, first], lesson.visible[:, first])
        covered = alpha[:, first].amax(1)
        known = lesson.background_valid
        background = torch.where(known[:, None, None], lesson.background, behind.detach())
        background = background[:, None].expand_as(figure).flatten(0, 1)
        figure, logit = figure.flatten(0, 1), logit.flatten(0, 1)
        frames = lesson.frames[:, last].flatten(0, 1)
        counts = seen[:, last].flatten() & seen[:, first].any(1).repeat_interleave(c.drawings)
        composite = background + logit.sigmoid() * (figure - background)
        losses = drawing_losses(
            figure,
            logit,
            frames,
            lesson.silhouette[:, last].flatten(0, 1),
            counts & labelled[:, last].flatten(),
        )
        losses["reconstruction"] = reconstruction_loss(
            composite, frames, background, counts & ~labelled[:, last].flatten()
        )
        losses["background"] = background_loss(behind, lesson.background, covered, known)
        return losses, (composite - frames).square().mean()

    def _motion_loss(self, batch: Batch) -> Tensor:
        """Flow matching on the labelled windows and on sequences without pictures."""
        labels, length = batch.labels, self.config.motion.history
        if "motion_keypoints" in labels:
            track = _map(_true(labels, "motion_"), lambda x: x.flatten(0, 1))
            present = labels["motion_present"].flatten(0, 1)
            follows = labels["motion_follows"].flatten(0, 1)
            caption = labels["motion_caption"].flatten(0, 1)
        else:
            track, caption = _true(labels, ""), batch.caption
            present = labels["labels_valid"][:, None] & labels["present"]
            follows = labels["follows"]
        # a pose that is as told, and those before it, of which some are given
        told = present & follows
        told[:, 0] = False
        at = (torch.rand(told.shape, device=told.device) + told).argmax(1, keepdim=True)
        past = at - length + torch.arange(length, device=at.device)
        valid = _take(present, past.clamp(min=0)) & (past >= 0)
        valid &= _some(len(at), length).to(valid.device)
        past = past.clamp(min=0)
        return self.motion.loss(
            _map(track, lambda x: _take(x, past)),
            valid,
            _map(track, lambda x: _take(x, at)),
            _take(told, at)[:, 0] & valid.any(1),
            self.caption(caption),
        )

    def predict(self, batch: Batch) -> Tensor:
        """The next frames, see `FilmModel`."""
        scene = self._scene(batch.history, batch.history_valid)
        condition = self.caption(batch.caption)
        noise = self._noise(len(condition), self.horizon, None)
        track, _, _ = self.motion.rollout(scene.past, scene.seen, condition, noise.to(condition))
        return self._draw(scene, track, condition)

    @torch.no_grad()
    def rollout(
        self, history: Tensor, valid: Tensor, caption: Tensor, seed: int = 0
    ) -> Iterator[Tensor]:
        """Frames after frames, see `FilmModel`: poses are rolled out, pixels never."""
        generator = torch.Generator().manual_seed(seed)
        scene, condition = self._scene(history, valid), self.caption(caption)
        past, seen = scene.past, scene.seen
        while True:
            noise = self._noise(len(condition), FRAMES, generator).to(condition)
            track, past, seen = self.motion.rollout(past, seen, condition, noise)
            yield self._draw(scene, track, condition).clamp(0, 1)

    def begin_adversarial(self) -> None:
        """Reader and background stay as they are; motion says samples from now on."""
        self.adversarial.fill_(True)
        for module in (self.reader, self.background):
            module.requires_grad_(False)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What may still be taught, see `FilmModel`."""
        taught = [p for p in self.parameters() if p.requires_grad]
        return [{"params": taught, "lr_factor": 1.0}]

    def _scene(self, history: Tensor, valid: Tensor) -> Scene:
        """Read the given frames."""
        count, length, height, width = history.shape
        read = self.reader(history.flatten(0, 1))
        shape = (count, length)
        past = Track(
            read.keypoints.unflatten(0, shape),
            read.scale.unflatten(0, shape).clamp(min=8),
            read.heading.unflatten(0, shape),
        )
        seen = valid & (read.present > 0).unflatten(0, shape)
        alpha = read.silhouette.sigmoid().unflatten(0, shape) * seen[..., None, None]
        background = self.background(history, alpha, valid)
        # whole figures first, then newer ones
        size = past.keypoints.new_tensor([width, height])
        whole = ((past.keypoints > -1) & (past.keypoints < size)).all(-1).to(history.dtype).mean(-1)
        order = 4 * seen + whole + torch.linspace(0, 0.5, length, device=history.device)
        picked = order.topk(min(self.config.looks, length), 1).indices
        given = _map(past, lambda x: _take(x, picked))
        return Scene(
            past,
            seen,
            _take(history, picked),
            _take(alpha, picked),
            _take(seen, picked),
            _placed(given),
            background,
        )

    def _noise(self, count: int, frames: int, generator: torch.Generator | None) -> Tensor:
        """What poses are drawn from: nothing, for what is expected, until an adversary wants more."""
        if not self.adversarial:
            return torch.zeros(count, frames, FEATURES)
        return torch.randn(count, frames, FEATURES, generator=generator)

    def _draw(self, scene: Scene, track: Track, condition: Tensor) -> Tensor:
        """Frames `[B, P, H, W]` with the figure in poses `[B, P]`."""
        figure, logit = self.renderer(
            scene.frames, scene.alpha, scene.shown, scene.given, _placed(track), condition
        )
        alpha = logit.sigmoid() * scene.shown.any(1)[:, None, None, None]
        background = scene.background[:, None]
        out: Tensor = background + alpha * (figure - background)
        return out


@dataclass(frozen=True)
class _Lesson:
    """F frames of each window, those to draw from first.

    Attributes:
        frames: `[B, F, H, W]`.
        visible: bool `[B, F]`: whether they show a figure, as far as is known.
        inside: bool `[B, F, 16]`: keypoints in the frame.
        silhouette: `[B, F, H, W]`.
        true: The true poses, `[B, F]`.
        background: `[B, H, W]`.
        labelled: bool `[B]`.
        background_valid: bool `[B]`.
    """

    frames: Tensor
    visible: Tensor
    inside: Tensor
    silhouette: Tensor
    true: Track
    background: Tensor
    labelled: Tensor
    background_valid: Tensor

    def varied(self, light: float, inverted: float) -> "_Lesson":
        """In another light: greys through a gain and a gamma, some inverted."""
        count, like = len(self.frames), self.frames
        gain, gamma = (light * (2 * like.new_empty(2, count, 1, 1).uniform_() - 1)).exp()
        invert = like.new_empty(count, 1, 1).uniform_() < inverted

        def vary(x: Tensor) -> Tensor:
            x = gain * x.clamp(min=1e-3) ** gamma
            return torch.where(invert, 1 - x, x)

        frames = vary(like.flatten(1, 2)).view_as(like)
        return replace(self, frames=frames, background=vary(self.background))

    def mirrored(self, share: float, count: int) -> "_Lesson":
        """Some of the figures to draw, the last `count` of each window, as their mirror image."""
        flip = torch.rand(self.visible.shape, device=self.frames.device) < share
        flip[:, :-count] = False
        flip &= self.labelled[:, None]
        picture = flip[..., None, None]
        width, true = self.frames.shape[-1], self.true
        across = true.keypoints * true.keypoints.new_tensor([-1, 1])
        across = across + across.new_tensor([width - 1, 0])
        return replace(
            self,
            frames=torch.where(picture, self.frames.flip(-1), self.frames),
            silhouette=torch.where(picture, self.silhouette.flip(-1), self.silhouette),
            true=Track(
                torch.where(picture, across, true.keypoints),
                true.scale,
                torch.where(
                    flip[..., None], true.heading * true.heading.new_tensor([-1, 1]), true.heading
                ),
            ),
        )


def _true(labels: Mapping[str, Tensor], prefix: str) -> Track:
    """The true poses of labels."""
    heading = labels[prefix + "heading"]
    return Track(
        labels[prefix + "keypoints"],
        labels[prefix + "scale"].clamp(min=8),
        torch.stack([heading.cos(), heading.sin()], -1),
    )


def _some(count: int, length: int) -> Tensor:
    """Which past poses are given, bool `[count, length]`: the last few, often one, some missing."""
    most = torch.randint(1, length + 1, (count, 1))
    most = most.masked_fill(torch.rand(count, 1) < 0.25, 1)
    age = torch.arange(length - 1, -1, -1)
    return (age < most) & ((age == 0) | (torch.rand(count, length) > 0.1))


def _map(track: Track, function: Callable[[Tensor], Tensor]) -> Track:
    return Track(*(function(value) for value in vars(track).values()))


def _placed(track: Track) -> Placed:
    return Placed(track.keypoints, track.scale, track.heading)


def _take(values: Tensor, picked: Tensor) -> Tensor:
    """Of `[B, T, ...]` the picked `[B, F]`."""
    return values[torch.arange(len(values), device=values.device)[:, None], picked]
