"""Predicts poses from past poses and a caption: first the trajectory, then body after body."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from videogeneration.models.losses import mean_of
from videogeneration.models.people.layers import zeroed
from videogeneration.models.people.lessons import MotionLesson
from videogeneration.models.people.skeleton import BODY, TRUNK, Poses, canonical, chosen
from videogeneration.models.volume import embedder
from videogeneration.validated import validated

PLACE = 3
"""Numbers of a place: the root's two and the logarithm of the scale."""

EDGES = 2
"""Numbers that say how far the frame's two edges are."""

_MOMENTUM = 0.02
"""What a lesson counts in the running means that networks' inputs and outputs are normalised by,
after the first ones, which count alike."""

_SOFT = 0.02
"""Errors of a trajectory below this share of the usual one count as squares; it must be small, for
who stands goes nowhere."""


@validated
class MotionConfig:
    """The motion network.

    Attributes:
        history: Past poses that it is given, missing ones masked.
        horizon: Places that a trajectory has.
        width: Width of the layers that predict a body.
        blocks: Number of their residual blocks.
        trajectory_width: Width of the layers that predict a trajectory.
        trajectory_blocks: Number of their residual blocks.
        steps: Euler steps of a sample.
        jitter: Deviation of the noise on past keypoints in training, in body heights: what is read
            from frames is not exact.
        scale_jitter: Deviation of the noise on the logarithm of past scales.
        heading_jitter: Deviation of the noise on past headings, in radians.
        misread: Share of past poses whose heading is to the other side.
        cut_off: How many times as large all this noise is, in addition, for a figure of which the
            frame shows nothing; for one of which it shows a half, half of it.
    """

    history: int = Field(10, ge=1)
    horizon: int = Field(10, ge=1)
    width: int = Field(256, ge=1)
    blocks: int = Field(4, ge=1)
    trajectory_width: int = Field(192, ge=1)
    trajectory_blocks: int = Field(3, ge=1)
    steps: int = Field(8, ge=1)
    jitter: float = Field(0.006, ge=0)
    scale_jitter: float = Field(0.01, ge=0)
    heading_jitter: float = Field(0.15, ge=0)
    misread: float = Field(0.08, ge=0, le=1)
    cut_off: float = Field(6.0, ge=0)


class Motion(nn.Module):
    """Predicts where a figure goes, and then, frame after frame, what its body does there.

    A trajectory is all places to come at once, as displacements from the line through the past
    ones; how far the frame's edges are is given, for who is told to stop stops in view. A
    trajectory is regressed: what is drawn of it is one number, the quantile, for what one picture
    leaves open is how fast (implicit quantiles: W. Dabney et al., ICML 2018). A body is sampled
    from noise by a rectified flow (X. Liu et al., ICLR 2023) that predicts the noiseless sample,
    from which the flow's velocity follows (T. Li, K. He: Back to Basics, 2025). A sample is how
    keypoints change from the newest body, and where it looks: small beats count as much as strides.

    Args:
        config: Its size.
        condition: Width of the caption embedding.
        width: Of the frames, in pixels.
    """

    past_mean: Tensor
    past_deviation: Tensor
    past_count: Tensor
    trajectory_size: Tensor
    trajectory_count: Tensor
    mean: Tensor
    deviation: Tensor
    count: Tensor

    def __init__(self, config: MotionConfig, condition: int, width: int) -> None:
        super().__init__()
        self.config = c = config
        self.width = width
        seen = c.history * (BODY + PLACE + 1) + 2 * PLACE + 1
        self.trajectory = _Modulated(
            seen + EDGES, c.horizon * PLACE, 1 + condition, c.trajectory_width, c.trajectory_blocks
        )
        self.body = _Modulated(seen + PLACE + BODY, BODY, 1 + condition, c.width, c.blocks)
        for name, shape in (("past_", (c.history, BODY + PLACE)), ("", (BODY,))):
            self.register_buffer(name + "mean", torch.zeros(shape))
            self.register_buffer(name + "deviation", torch.ones(shape))
            self.register_buffer(name + "count", torch.zeros(*shape[:-1], 1))
        self.register_buffer("trajectory_size", torch.ones(c.horizon, PLACE))
        self.register_buffer("trajectory_count", torch.zeros(c.horizon, 1))

    def as_read(self, past: Poses, visibility: Tensor) -> Poses:
        """True poses with the errors that a reader makes, the larger the less a frame shows.

        What follows is then predicted from what was read, so that the network puts it right.

        Args:
            past: `[B, history]`.
            visibility: `[B, history]`, see `MotionLesson`.
        """
        c, shape = self.config, past.scale.shape
        noise = past.scale.new_empty(*shape, 36).normal_()
        more = 1 + c.cut_off * (1 - visibility)
        jitter = (c.jitter * more * past.scale)[..., None]
        # a figure's keypoints are off together and each by itself
        keypoints = past.keypoints + 0.7 * (jitter * noise[..., :2])[..., None, :]
        keypoints = keypoints + (jitter * noise[..., 2:34]).unflatten(-1, (16, 2))
        angle = c.heading_jitter * more * noise[..., 34]
        cosine, sine = past.heading.unbind(-1)
        side = torch.where(torch.rand_like(cosine) < c.misread * more, -1.0, 1.0)
        heading = [side * cosine * angle.cos() - sine * angle.sin()]
        heading += [side * cosine * angle.sin() + sine * angle.cos()]
        scale = past.scale * (c.scale_jitter * more * noise[..., 35]).exp()
        return Poses(keypoints, scale, torch.stack(heading, -1))

    def adapt(self, lesson: MotionLesson) -> None:
        """Follow the mean and deviation of what is taught: networks see and say it normalised.

        Args:
            lesson: That of all processes, so that they stay alike.
        """
        _, given, places, change, first = _taught(lesson)
        self._adapt("past_", given, lesson.visibility > 0)
        self._adapt("", change, first)
        line, *_ = _line(given[..., BODY:], lesson.visibility)
        self._adapt_size(places - self._line_on(line), lesson.known)

    def losses(self, lesson: MotionLesson, condition: Tensor) -> dict[str, Tensor]:
        """Losses `trajectory` (quantile regression) and `body` (flow matching), scalars.

        Args:
            lesson: N past poses as they are read, see `as_read`, and those that follow.
            condition: Caption embedding `[N, condition]`.
        """
        newest, given, places, change, first = _taught(lesson)
        line, seen = self._seen(given, lesson.visibility)
        away = places - self._line_on(line)
        quantile = lesson.quantile
        predicted = self._displacements(seen, newest, quantile, condition)
        error = away / self.trajectory_size - predicted
        share = torch.where(error < 0, 1 - quantile[:, :, None], quantile[:, :, None])
        error = 2 * share * ((error.square() + _SOFT**2).sqrt() - _SOFT)

        target, time = (change - self.mean) / self.deviation, lesson.time
        state = (1 - time) * lesson.noise + time * target
        clean = self._clean(state, time, seen, places[:, 0], condition)
        # nearly the error of the flow's velocity, in which small movements count late
        square = (clean - target).square().mean(1) / (1 - time[:, 0]).clamp(min=0.2)
        return {
            "trajectory": mean_of(error.mean(2), lesson.known),
            "body": mean_of(square, first),
        }

    def rollout(
        self, past: Poses, visibility: Tensor, condition: Tensor, noise: Tensor, quantile: Tensor
    ) -> tuple[Poses, Poses, Tensor]:
        """Predict poses after poses.

        Args:
            past: `[B, history]`, newest last.
            visibility: `[B, history]`, see `MotionLesson`.
            condition: Caption embedding `[B, condition]`.
            noise: `[B, T, BODY]`: normal for a sample, zero for the body that is expected.
            quantile: `[B]` in [0, 1]: of the trajectories that there may be after a single pose;
                0.5 is the median. Several poses show how fast somebody goes: what is open then is
                how well they were read, and the median goes on as they do.

        Returns:
            `[B, T]`, and the past and its visibility, to go on from.
        """
        predicted: list[Poses] = []
        for start in range(0, noise.shape[1], self.config.horizon):
            origin = past.last(visibility > 0)
            line, seen = self._seen(_relative(origin, past), visibility)
            single = (visibility > 0).sum(1) < 2
            drawn = torch.where(single, quantile, 0.5)
            displacements = self._displacements(seen, origin, drawn[:, None], condition)
            places = self._line_on(line) + displacements * self.trajectory_size
            for step in range(min(self.config.horizon, noise.shape[1] - start)):
                newest = past.last(visibility > 0)
                # the same place, as the newest pose sees it
                shift = _trunk(origin.keypoints - newest.keypoints)[:, 0] / newest.scale
                ratio = origin.scale / newest.scale
                root = shift + places[:, step, :2] * ratio
                place = torch.cat([root, places[:, step, 2:] + ratio.log()], 1)
                _, seen = self._seen(_relative(newest, past), visibility)
                change = self._sample(noise[:, start + step], seen, place, condition)
                predicted.append(_placed(newest, place, _unmoved(newest) + change))
                past = past.then(predicted[-1]).frames(slice(1, None))
                visibility = torch.cat(
                    [visibility[:, 1:], visibility.new_ones(len(visibility), 1)], 1
                )
        return predicted[0].then(*predicted[1:]), past, visibility

    def _sample(self, state: Tensor, seen: Tensor, place: Tensor, condition: Tensor) -> Tensor:
        """A body's change `[B, BODY]` from noise."""
        steps = self.config.steps
        for step in range(steps):
            time = state.new_full((len(state), 1), step / steps)
            clean = self._clean(state, time, seen, place, condition)
            state = state + (clean - state) / (steps - step)
        return state * self.deviation + self.mean

    def _seen(self, given: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor]:
        """What past poses are, as the networks take it, and the line through their places.

        Args:
            given: `[B, history, BODY + PLACE]` from `_relative`.
            visibility: `[B, history]`.

        Returns:
            The line's change a frame `[B, PLACE]`, and all that is seen, the past normalised.
        """
        line, there, moved = _line(given[..., BODY:], visibility)
        normal = (given - self.past_mean) / self.past_deviation * (visibility > 0)[..., None]
        return line, torch.cat([normal.flatten(1), visibility, 10 * line, there, moved], 1)

    def _displacements(
        self, seen: Tensor, newest: Poses, quantile: Tensor, condition: Tensor
    ) -> Tensor:
        """Displacements from the line, `[B, horizon, PLACE]`, as shares of their usual size."""
        across = _trunk(newest.keypoints)[..., 0]
        edges = torch.cat([across, self.width - 1 - across], 1) / newest.scale
        displacements: Tensor = self.trajectory(
            torch.cat([seen, edges.clamp(-1, 3)], 1), torch.cat([2 * quantile - 1, condition], 1)
        )
        return displacements.unflatten(1, (-1, PLACE))

    def _line_on(self, line: Tensor) -> Tensor:
        """Places on a line, `[B, horizon, PLACE]`."""
        return line[:, None] * torch.arange(1, self.config.horizon + 1, device=line.device)[:, None]

    def _clean(
        self, state: Tensor, time: Tensor, seen: Tensor, place: Tensor, condition: Tensor
    ) -> Tensor:
        """The change that a noisy state comes from, `[B, BODY]`, normalised."""
        entered = torch.cat([seen, 10 * place, state], 1)
        out: Tensor = self.body(entered, torch.cat([time, condition], 1))
        return out

    @torch.no_grad()
    def _adapt(self, name: str, values: Tensor, valid: Tensor) -> None:
        """Follow the mean and deviation of what it is taught."""
        mean, deviation = getattr(self, name + "mean"), getattr(self, name + "deviation")
        weight = valid[..., None].to(values.dtype)
        total = weight.sum(0)
        now = (values * weight).sum(0) / total.clamp(min=1)
        spread = ((values - now).square() * weight).sum(0) / total.clamp(min=1)
        share = _share(getattr(self, name + "count"), total)
        mean.lerp_(now, share)
        deviation.copy_(deviation.square().lerp(spread, share).sqrt().clamp(min=0.02))

    @torch.no_grad()
    def _adapt_size(self, away: Tensor, known: Tensor) -> None:
        """Follow how far trajectories are from the line."""
        total = known.to(away.dtype).sum(0)[:, None]
        now = (away.abs() * known[..., None]).sum(0) / total.clamp(min=1)
        self.trajectory_size.lerp_(now.clamp(min=1e-3), _share(self.trajectory_count, total))


def _share(count: Tensor, values: Tensor) -> Tensor:
    """What is new counts so much in a running mean: all at first, then an n-th, then `_MOMENTUM`.

    Args:
        count: Lessons that had something, so far; this one is counted in.
        values: How much this one has; zero changes nothing.
    """
    there = (values > 0).to(count.dtype)
    count += there
    return there * (1 / count.clamp(min=1)).clamp(min=_MOMENTUM)


class _Modulated(nn.Module):
    """A residual network of dense layers, each modulated by a condition (FiLM).

    Args:
        inputs: Numbers that enter.
        outputs: Numbers that leave, zero before training.
        condition: Numbers that modulate.
        width: Of the layers.
        blocks: Pairs of layers.
    """

    def __init__(self, inputs: int, outputs: int, condition: int, width: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.embed = embedder(condition, 64)
        self.blocks = nn.ModuleList([_Block(width, 64) for _ in range(blocks)])
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs))
        zeroed(self.leave[1])

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        x, condition = self.enter(x), self.embed(condition)
        for block in self.blocks:
            x = block(x, condition)
        out: Tensor = self.leave(x)
        return out


class _Block(nn.Module):
    """Two dense layers beside an identity, modulated by a condition."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(condition, 2 * width)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        gain, shift = self.modulate(condition).chunk(2, 1)
        out: Tensor = x + self.layers(self.norm(x) * (1 + gain) + shift)
        return out


def _taught(lesson: MotionLesson) -> tuple[Poses, Tensor, Tensor, Tensor, Tensor]:
    """Of a lesson, as seen from the newest pose.

    Returns:
        The newest pose `[N, 1]`; the past `[N, history, BODY + PLACE]`; the places that follow
        `[N, horizon, PLACE]`; how the body changes first `[N, BODY]`; and of whom that is taught,
        bool `[N]`.
    """
    newest = lesson.past.last(lesson.visibility > 0)
    places = _places(newest, lesson.following)
    change = _body(lesson.following.frames(slice(0, 1)))[:, 0] - _unmoved(newest)
    first = lesson.known[:, 0] & lesson.exact
    return newest, _relative(newest, lesson.past), places, change, first


def _body(track: Poses) -> Tensor:
    """Keypoints from the trunk in body heights and the heading, `[B, T, BODY]`."""
    away = track.keypoints - _trunk(track.keypoints)[..., None, :]
    body = canonical(away / track.scale[..., None, None])
    return torch.cat([body.flatten(-2), track.heading], -1)


def _trunk(keypoints: Tensor) -> Tensor:
    """Where a body is, `[..., 2]`: the mean of several keypoints is read better than any."""
    return chosen(keypoints, TRUNK, -2).mean(-2)


def _unmoved(newest: Poses) -> Tensor:
    """The body `[B, BODY]` that changes are added to; where it looks is predicted anew."""
    keypoints, heading = _body(newest)[:, 0].split([BODY - 2, 2], -1)
    return torch.cat([keypoints, torch.zeros_like(heading)], -1)


def _places(newest: Poses, track: Poses) -> Tensor:
    """Trunks from the newest's in its body heights, and logarithms of scales, `[B, T, PLACE]`."""
    root = _trunk(track.keypoints - newest.keypoints) / newest.scale[..., None]
    return torch.cat([root, (track.scale / newest.scale).log()[..., None]], -1)


def _relative(newest: Poses, track: Poses) -> Tensor:
    """What past poses are, as seen from the newest, `[B, T, BODY + PLACE]`."""
    return torch.cat([_body(track), _places(newest, track)], -1)


def _line(places: Tensor, visibility: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The line of least squares through places, each as weighty as its frame shows.

    Args:
        places: `[B, T, PLACE]`.
        visibility: `[B, T]` in [0, 1].

    Returns:
        Its change a frame `[B, PLACE]`, zero where fewer than two places are given; where it is at
        the newest frame `[B, PLACE]`; and whether it has a change, `[B, 1]`.
    """
    weight = visibility.square()
    time = torch.arange(1 - places.shape[1], 1, device=places.device, dtype=places.dtype)
    count = weight.sum(1, keepdim=True).clamp(min=1e-3)
    middle = (weight * time).sum(1, keepdim=True) / count
    centre = (weight[..., None] * places).sum(1) / count
    away = weight * (time - middle)
    spread = (away * (time - middle)).sum(1, keepdim=True)
    moved = ((visibility > 0).sum(1, keepdim=True) > 1).to(places.dtype)
    change = (away[..., None] * (places - centre[:, None])).sum(1) / spread.clamp(min=1e-3)
    change = moved * change
    return change, centre - change * middle, moved


def _placed(newest: Poses, place: Tensor, body: Tensor) -> Poses:
    """The pose `[B, 1]` of a body `[B, BODY]` in a place `[B, PLACE]` seen from the newest one."""
    keypoints, heading = body.split([BODY - 2, 2], -1)
    keypoints = keypoints.unflatten(-1, (-1, 2))
    keypoints = keypoints - _trunk(keypoints)[:, None]
    scale = newest.scale * place[:, 2:].exp()
    root = _trunk(newest.keypoints) + place[:, None, :2] * newest.scale[..., None]
    return Poses(
        root[:, :, None] + keypoints[:, None] * scale[..., None, None],
        scale,
        F.normalize(heading, dim=-1, eps=1e-3)[:, None],
    )
