"""The generator of people: pose, motion, background and renderer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.configuration import FrameConfig, check_frames
from videogeneration.models.discriminator import DiscriminatorConfig, FeatureDiscriminator
from videogeneration.models.interface import Batch, FilmModel, Sight
from videogeneration.models.losses import mean_of
from videogeneration.models.people.background import Background, BackgroundConfig
from videogeneration.models.people.crowd import largest, others, touches_edge, without
from videogeneration.models.people.lessons import (
    DrawingLesson,
    MotionLesson,
    inside,
    legible,
    most_frames,
    take,
    tints,
    visible_share,
)
from videogeneration.models.people.losses import (
    LossWeights,
    alpha_error,
    background_loss,
    feature_loss,
    in_shadow,
    on_figures,
    pose_losses,
    reconstruction_loss,
    shadow_loss,
    tint_error,
)
from videogeneration.models.people.motion import Motion, MotionConfig
from videogeneration.models.people.pose import SHRINKS, PoseConfig, PoseReader, Reading
from videogeneration.models.people.renderer import (
    Appearance,
    Renderer,
    RendererConfig,
    shadows,
    spread_colours,
)
from videogeneration.models.people.skeleton import BODY, Poses
from videogeneration.validated import validated

FRAMES = 10
"""Frames that are drawn at once."""

AROUND = 4
"""Pixels around a figure that are judged with it by what sees whole frames."""

OUTLINE, TINT, FEATURES = 3.0, 15.0, 100.0
"""How much errors of a drawn alpha, of colours and of features count beside an adversary."""

SHADE = 0.01
"""Share of the background's light from which on a shadow can be seen."""

MOMENTS = 64
"""Moments of a film that is read, from which the motion learns in a step."""

WHOLE = 0.9
"""Share of keypoints in the frame below which a person is cut off."""


@validated
class PeopleConfig(FrameConfig):
    """The generator of people.

    Attributes:
        history: Number of past frames.
        condition: Width of the caption embedding.
        references: Given frames that a figure is drawn from, at most.
        horizon: Frames that an adversary judges at once.
        sequences: Sequences without pictures that the motion learns from, a window.
        whole: Share of keypoints in the frame from which on a figure can be read, where there are
            others.
        temperature: Deviation of the noise that bodies' poses are drawn from.
        motion_rate: The motion's learning rate as a multiple of the others'.
        renderer_rate: The renderer's.
        drawings: Frames a window that the renderer learns to draw in a step.
        jitter: Deviation of the noise on true keypoints, in body heights: readings are not exact.
        mirrored: Share of figures that are drawn as their mirror image.
        empty: Share of frames that show the background alone.
        grain: Largest deviation of the noise on these.
        cropped: Share of windows that show a part of the picture only, enlarged.
        crop: Smallest side of such a part, as a share of the picture's.
        inverted: Share of windows whose greys are inverted: few people's clothes are seen.
        light: Largest logarithm of the gain and of the gamma that windows are varied by.
        tint: How far the colours may be from grey that labelled figures are drawn in.
        pose: The pose reader.
        motion: The motion network.
        background: The background network.
        renderer: The renderer.
        weights: How much each loss counts.
    """

    history: int = Field(10, ge=1)
    condition: int = Field(32, ge=1)
    references: int = Field(3, ge=1)
    horizon: int = Field(1, ge=1)
    sequences: int = Field(256, ge=0)
    whole: float = Field(0.7, ge=0, le=1)
    temperature: float = Field(1.2, ge=0)
    motion_rate: float = Field(1.5, ge=0)
    renderer_rate: float = Field(0.5, ge=0)
    drawings: int = Field(1, ge=1)
    jitter: float = Field(0.008, ge=0)
    mirrored: float = Field(0.3, ge=0, le=1)
    empty: float = Field(0.06, ge=0, le=1)
    grain: float = Field(0.04, ge=0)
    cropped: float = Field(0.5, ge=0, le=1)
    crop: float = Field(0.6, gt=0, le=1)
    inverted: float = Field(0.1, ge=0, le=1)
    light: float = Field(0.35, ge=0)
    tint: float = Field(0.6, ge=0)
    pose: PoseConfig = PoseConfig()
    motion: MotionConfig = MotionConfig()
    background: BackgroundConfig = BackgroundConfig()
    renderer: RendererConfig = RendererConfig()
    weights: LossWeights = LossWeights()

    def __post_init__(self) -> None:
        check_frames(self.height, self.width, SHRINKS)


@dataclass(frozen=True)
class Scene:
    """What was read from the given frames.

    Attributes:
        frames: `[B, T, H, W]`.
        seen: bool `[B, T]`: in which there is a figure that can be read.
        visibility: `[B, T]`: which share of its keypoints these show; 0 elsewhere.
        alpha: `[B, T, H, W]`: the figure.
        past: Its poses, `[B, T]`.
        references: Numbers of the frames to draw it from, `[B, S]`.
        background: `[B, H, W]`.
        shadow: `[B, H, W]` in [0, 1]: how far shadows cover it in the frames.
    """

    frames: Tensor
    seen: Tensor
    visibility: Tensor
    alpha: Tensor
    past: Poses
    references: Tensor
    background: Tensor
    shadow: Tensor

    def appearance(self) -> Appearance:
        """The figure as the frames to draw from show it."""
        frames, alpha, seen = (
            take(x, self.references) for x in (self.frames, self.alpha, self.seen)
        )
        shadow = shadows(frames, alpha, self.background[:, None]) * self.shadow[:, None]
        poses = self.past.map(lambda x: take(x, self.references))
        return Appearance(frames, alpha, shadow, seen, poses)

    @property
    def anybody(self) -> Tensor:
        """Whether any given frame shows a figure, bool `[B, 1]`."""
        return self.seen.any(1, keepdim=True)


class People(FilmModel):
    """Reads the given frames, predicts the poses to come, and draws each from what was given.

    Poses are rolled out, pixels never: a film of any length is as sharp at its end.

    Args:
        config: Its networks.
    """

    config: PeopleConfig
    replayed = True
    labels = ("keypoints", "present", "follows", "silhouette", "scale", "heading", "background")
    adversarial: Tensor

    def __init__(self, config: PeopleConfig) -> None:
        super().__init__()
        self.config, self.horizon, self.sequences = config, config.horizon, config.sequences
        self.caption = nn.Sequential(
            nn.Flatten(),
            nn.Linear(config.words * config.vocabulary, 64),
            nn.SiLU(),
            nn.Linear(64, config.condition),
        )
        self.reader = PoseReader(config.pose)
        self.motion = Motion(config.motion, config.condition, config.width)
        self.background = Background(config.background)
        self.renderer = Renderer(config.renderer, config.condition)
        self.register_buffer("adversarial", torch.tensor(False))

    def lesson(self, batch: Batch) -> tuple[DrawingLesson, MotionLesson]:
        """What a step learns from, see `FilmModel`.

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
        c = self.config
        drawing = DrawingLesson.of(batch, c.references, c.drawings)
        drawing = drawing.emptied(c.empty, c.grain)
        drawing = drawing.cropped(c.cropped, c.crop).varied(c.light, c.inverted)
        drawing = drawing.mirrored(c.mirrored, c.drawings).tinted(c.tint)
        return drawing, self._motion_lesson(batch)

    def training_loss(
        self, lesson: tuple[DrawingLesson, MotionLesson]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The losses of all networks, each from what is known.

        Of labelled windows the reader learns the true poses, the renderer to draw one frame's
        figure in another frame's true pose, the motion the true poses to come, also from those that
        are read in half of the windows, frame after frame. Of others reader and renderer learn
        together: one frame's figure in the pose that is read from another must give that other; and
        from what is read the motion learns where people go.
        """
        drawing, motion = lesson
        seen = self.reader.features(drawing.frames.flatten(0, 1))
        read = self.reader.read(*seen)
        losses = pose_losses(
            read,
            drawing.true.map(lambda x: x.flatten(0, 1)),
            drawing.counted.flatten(0, 1),
            drawing.silhouette.flatten(0, 1),
            drawing.labelled.flatten(0, 1),
        )
        drawn, square = self._drawing_losses(drawing, seen, read)
        losses |= drawn | self.motion.losses(motion, self.caption(motion.caption))
        metrics = {name: loss.detach() for name, loss in losses.items()}
        return self.config.weights.total(losses), metrics | {"mse": square.detach()}

    @torch.no_grad()
    def _motion_lesson(self, batch: Batch) -> MotionLesson:
        """True past poses with errors like a reader's, and those of some films as they are read."""
        c, sizes = self.config, (self.config.motion.history, self.config.motion.horizon)
        motion = MotionLesson.of(batch, *sizes)
        motion = replace(motion, past=self.motion.as_read(motion.past, motion.visibility))
        films = most_frames(batch)
        read = self.reader(torch.cat([films.history, films.future], 1).flatten(0, 1))
        motion = motion.then(MotionLesson.read(films, read, MOMENTS, c.whole, *sizes))
        if self.training:
            self.motion.adapt(motion)
        return motion

    def _drawing_losses(
        self, lesson: DrawingLesson, seen_true: tuple[Tensor, Tensor], read: Reading
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Losses of renderer and background, and the square error of the frames.

        Args:
            lesson: B windows of F frames.
            seen_true: The reader's features of these, as `PoseReader.features` gives them.
            read: What was read from them, `[B F]`.
        """
        shape, c = lesson.visible.shape, self.config
        first, last = slice(0, -c.drawings), slice(-c.drawings, None)
        labelled = lesson.labelled
        poses = self._poses_to_draw(lesson, read)
        outline = read.silhouette.sigmoid().unflatten(0, shape).detach()
        alpha = torch.where(lesson.exact[..., None, None], lesson.silhouette, outline)[:, first]
        silhouette = torch.where(labelled[..., None, None], lesson.silhouette, outline)
        seen = lesson.visible & (labelled | (read.present > 0).unflatten(0, shape))
        estimate, shadow = self.background(lesson.frames[:, first], alpha, lesson.visible[:, first])
        known = lesson.background_valid
        exact = (lesson.exact[:, first] & known[:, None])[..., None, None]
        behind = torch.where(exact, lesson.background[:, first], estimate.detach()[:, None])
        found = torch.where(exact, 1.0, shadow.detach()[:, None])
        appearance = Appearance(
            lesson.frames[:, first],
            alpha,
            found * shadows(lesson.frames[:, first], alpha, behind),
            seen[:, first],
            poses.frames(first),
        )
        condition = self.caption(lesson.caption)
        drawing = self.renderer(appearance, poses.frames(last), condition, lesson.tint[:, first])
        grey = replace(drawing, figure=drawing.figure.mean(2, keepdim=True))
        background = torch.where(
            known[:, None, None, None], lesson.background[:, last], estimate.detach()[:, None]
        )
        counts, drawn = seen[:, last] & seen[:, first].any(1, keepdim=True), labelled[:, last]
        composite = grey.over(background[:, :, None], torch.ones_like(counts))[:, :, 0]
        frames, silhouette = lesson.frames[:, last], silhouette[:, last]
        error, taught = (drawing.figure.mean(2) - frames).abs(), counts & drawn
        losses = {
            "colour": on_figures(error, silhouette, taught),
            "square": on_figures(error.square(), silhouette, taught),
            "tint": tint_error(drawing.figure, lesson.tint[:, last], silhouette, taught),
            "alpha": alpha_error(drawing.alpha, silhouette, taught),
        }
        around = _around(silhouette, drawing.alpha.sigmoid())
        # what the reader sees in drawn frames teaches the renderer, and not the reader
        self.reader.requires_grad_(False)
        sees = self.reader.features((frames + around * (composite - frames)).flatten(0, 1))
        self.reader.requires_grad_(True)
        true = [x.detach().unflatten(0, shape)[:, last].flatten(0, 1) for x in seen_true]
        shaded = in_shadow(lesson.frames[:, first], lesson.background[:, first], alpha)
        beside = counts & lesson.shadowed[:, last]
        losses |= {
            "features": feature_loss(sees, true, counts.flatten()),
            "shadow": shadow_loss(drawing.shadow, frames, background, silhouette, beside),
            "reconstruction": reconstruction_loss(composite, frames, background, counts & ~drawn),
            "background": background_loss(
                estimate, shadow, lesson.background[:, 0], alpha.amax(1), shaded.amax(1), known
            ),
        }
        return losses, mean_of((composite - frames).square().mean((2, 3)), counts)

    def _poses_to_draw(self, lesson: DrawingLesson, read: Reading) -> Poses:
        """The true poses, not quite exact, or the read ones where these are not known."""
        true = lesson.true
        found = read.poses.map(lambda x: x.unflatten(0, lesson.visible.shape))
        noise = self.config.jitter * true.scale[..., None, None] * lesson.noise
        near = Poses(true.keypoints + noise, true.scale, true.heading)
        return near.where(lesson.labelled, found).not_tiny()

    def imitate(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The true frames to come, the figure drawn anew in its poses from a few of the past.

        Where no figure is they are the true ones: by the camera's noise, which is new in each true
        frame, an adversary would know all drawn ones and look at nothing else. Only what a drawn
        shadow is off by is added there, smoothed, so that the true noise stays. The penalty is how
        far alphas, colours and what the reader sees are off.
        """
        chance = torch.rand(batch.history_valid.shape, device=batch.history.device)
        chance = chance + batch.history_valid
        picked = chance.topk(min(self.config.references, chance.shape[1]), 1).indices
        order = picked.sort(1).values
        scene = self._scene(take(batch.history, order), take(batch.history_valid, order))
        true = self.reader.features(batch.future.flatten(0, 1))
        read = self.reader.read(*true)
        poses = read.poses.map(lambda x: x.unflatten(0, batch.future.shape[:2])).not_tiny()
        there = (read.present > 0).view(batch.future.shape[:2]) & scene.anybody
        counts = there & batch.future_valid
        silhouette = read.silhouette.sigmoid().view(batch.future.shape).detach()
        given = scene.appearance()
        keypoints = torch.cat([given.poses.keypoints, poses.keypoints], 1)
        tint = tints(keypoints, torch.cat([given.alpha, silhouette], 1), self.config.tint)
        first = given.alpha.shape[1]
        drawing = self.renderer(given, poses, self.caption(batch.caption), tint[:, :first])
        colours = tint_error(drawing.figure, tint[:, first:], silhouette, counts)
        drawing = replace(drawing, figure=drawing.figure.mean(2, keepdim=True))
        drawn = drawing.over(scene.background[:, None, None], there)[:, :, 0]
        alpha = drawing.covering * there[..., None, None]
        outline = alpha_error(drawing.alpha, silhouette, counts)
        around = _around(silhouette, alpha)
        difference = drawn - batch.future
        beside = (1 - around) * ((drawing.shadow.abs() > SHADE) & there[..., None, None])
        smooth = F.avg_pool2d(beside * difference, 2 * AROUND + 1, 1, AROUND)
        frames = batch.future + around * difference + (1 - around) * smooth
        seen = self.reader.features(frames.flatten(0, 1))
        features = feature_loss(seen, true, batch.future_valid.flatten())
        return frames, OUTLINE * outline + TINT * colours + FEATURES * features

    @torch.no_grad()
    def rollout(
        self, history: Tensor, valid: Tensor, caption: Tensor, seed: int = 0
    ) -> Iterator[Tensor]:
        """Frames after frames, see `FilmModel`: poses are rolled out, pixels never."""
        scene, condition = self._scene(history, valid), self.caption(caption)
        appearance, background = scene.appearance(), scene.background[:, None, None]
        for poses in self._pose_rollout(scene, condition, seed):
            drawing = self.renderer(appearance, poses, condition)
            yield drawing.over(background, scene.anybody)[:, :, 0].clamp(0, 1)

    @torch.no_grad()
    def look_at(
        self, frames: Tensor, area: tuple[slice, slice] = (slice(None), slice(None))
    ) -> list[Sight]:
        """Say who is in frames, see `FilmModel`."""
        alone, _, people = self._alone(frames)
        read = self.reader(alone)
        whole = visible_share(read.poses.keypoints, frames.shape[-2:])
        cut = (whole < WHOLE) | touches_edge(read.silhouette > 0, area)
        sights = []
        for present, share, off, count in zip(read.present > 0, whole, cut, people, strict=True):
            if not present:
                remark = "shows nobody: take one of a whole person before a quiet background"
            elif count > 1:
                remark = f"shows {count} people: the largest of them is animated"
            elif off:
                remark = "shows a person cut off by its edge: what is beyond has to be made up"
            else:
                remark = ""
            in_view = min(float(share), WHOLE) if off else float(share)
            sights.append(Sight(in_view * bool(present), remark))
        return sights

    @torch.no_grad()
    def paint(
        self, pictures: Tensor, history: Tensor, valid: Tensor, caption: Tensor, seed: int = 0
    ) -> Iterator[Tensor]:
        """Frames in the colours of the pictures, see `FilmModel`.

        The networks see the small grey frames; their warp and alpha are applied to the pictures.
        The film ends when the figure has left.
        """
        alone, rest = history.clone(), torch.zeros_like(history)
        alone[valid], rest[valid], _ = self._alone(history[valid])
        scene, condition = self._scene(alone, valid), self.caption(caption)
        rollout = self._pose_rollout(scene, condition, seed)
        yield pictures
        older = history.shape[1] - pictures.shape[1]
        height, width = pictures.shape[-2:]
        alpha, rest, shadow = (
            F.interpolate(x, (height, width), mode="bilinear")
            for x in (scene.alpha[:, older:], rest[:, older:], scene.shadow[:, None])
        )
        # what is hardly a shadow is none: fine textures stay
        covered = torch.maximum(torch.maximum(alpha, rest), 2 * shadow - 1)
        background = self.background.at_size(pictures, covered, valid[:, older:], scene.background)
        # others stay where they are
        background = background + rest[:, -1:] * (pictures[:, -1] - background)
        background = background[:, None]
        stretch = (width / history.shape[-1], height / history.shape[-2])
        appearance, references = scene.appearance(), (scene.references - older).clamp(min=0)
        pictures, alpha = take(pictures, references), take(alpha, references)
        pictures = spread_colours(pictures, alpha, appearance.alpha)
        there = scene.seen.any(1)
        for poses in rollout:
            plan = self.renderer.plan(appearance, poses, condition)
            # one by one: a large picture takes much memory
            for index in range(FRAMES):
                if not there.any():
                    return
                pose = poses.frames(slice(index, index + 1))
                window = self.renderer.window(pose, history, pictures)
                drawing = self.renderer.draw(
                    plan.frame(index, FRAMES),
                    pictures,
                    alpha,
                    appearance.poses,
                    pose,
                    stretch,
                    window,
                )
                drawn = background.clone()
                drawn[..., *window] = drawing.over(background[..., *window], scene.anybody)
                yield drawn.clamp(0, 1)
                there = there & inside(pose.keypoints, history.shape[-2:]).any(-1)[:, 0]

    def begin_adversarial(self) -> None:
        """An adversary teaches the renderer; trajectories are drawn at random from now on."""
        self.adversarial.fill_(True)
        for name, module in self.named_children():
            module.requires_grad_(name == "renderer")

    def discriminator(self, config: DiscriminatorConfig) -> FeatureDiscriminator:
        """An adversary that sees frames as the pose reader does, see `FilmModel`."""
        return FeatureDiscriminator(config, self.reader.features, self.reader.channels)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What may still be taught, a group a network, see `FilmModel`."""
        c = self.config
        rates = {"motion": c.motion_rate, "renderer": c.renderer_rate}
        return [
            {"params": taught, "lr_factor": rates.get(name, 1.0)}
            for name, network in self.named_children()
            if (taught := [p for p in network.parameters() if p.requires_grad])
        ]

    def _alone(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames `[N, H, W]` without others than the largest person.

        Returns:
            These; where the others are, `[N, H, W]` 0 or 1; and how many people there are, `[N]`.
        """
        silhouette = self.reader(frames).silhouette > 0
        chosen, people = largest(silhouette)
        several = people > 1
        alone, rest = frames.clone(), torch.zeros_like(frames)
        rest[several] = others(silhouette[several], chosen[several])
        alone[several] = without(frames[several], rest[several])
        return alone, rest, people

    def _scene(self, history: Tensor, valid: Tensor) -> Scene:
        """Read the given frames."""
        count, length = history.shape[:2]
        read = self.reader(history[valid])

        def spread(x: Tensor) -> Tensor:
            """What was read of the valid frames, `[B, T, ...]`; zero elsewhere."""
            everywhere = x.new_zeros(count, length, *x.shape[1:])
            everywhere[valid] = x
            return everywhere

        past = read.poses.map(spread).not_tiny()
        seen = spread(read.present > 0)
        alpha = spread(read.silhouette.sigmoid())
        # who cannot be read covers the background too
        background, shadow = self.background(history, alpha, valid)
        alpha = alpha * seen[..., None, None]
        # whole figures first, then newer ones; who is cut off is read badly
        whole = visible_share(past.keypoints, history.shape[-2:])
        visibility = legible(whole, seen, self.config.whole)
        readable = visibility > 0
        order = 4 * readable + whole + torch.linspace(0, 0.5, length, device=history.device)
        most = max(1, int(readable.sum(1).amax()))
        references = order.topk(min(self.config.references, length, most), 1).indices
        return Scene(history, readable, visibility, alpha, past, references, background, shadow)

    def _pose_rollout(self, scene: Scene, condition: Tensor, seed: int) -> Iterator[Poses]:
        """Poses after poses, `[B, FRAMES]` at a time.

        Without noise, who boxes stands still in the mean of all that may come next. Where a figure
        goes is the median; once an adversary has taught, it is drawn where one pose leaves it open.
        """
        generator = torch.Generator().manual_seed(seed)
        count, past, visibility = len(condition), scene.past, scene.visibility
        while True:
            noise = self.config.temperature * torch.randn(count, FRAMES, BODY, generator=generator)
            quantile = torch.full((count,), 0.5)
            if self.adversarial:
                quantile = 0.1 + 0.8 * torch.rand(count, generator=generator)
            poses, past, visibility = self.motion.rollout(
                past, visibility, condition, noise.to(condition), quantile.to(condition)
            )
            yield poses


def _around(true: Tensor, drawn: Tensor) -> Tensor:
    """Where a figure is in a true or a drawn frame, both `[..., H, W]`, and a little around it."""
    either = torch.maximum(true, drawn).detach()
    return F.max_pool2d(either, 2 * AROUND + 1, 1, AROUND)
