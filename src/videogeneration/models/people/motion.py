"""Says the poses to come from past poses, a caption and noise."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.people.skeleton import KEYPOINTS, PELVIS, Poses, canonical

PLACE = 3
"""Numbers of a place: the root's two and the logarithm of the scale."""

FEATURES = 2 * (len(KEYPOINTS) - 1) + 2 + PLACE
"""Numbers a frame: keypoints from the pelvis, heading, and its place."""


@dataclass(frozen=True)
class MotionConfig:
    """The motion network.

    Attributes:
        history: Past poses that it is given, missing ones masked.
        width: Width of its layers.
        blocks: Number of its residual blocks.
        steps: Euler steps of a sample.
        jitter: Deviation of the noise on past keypoints in training, in body heights: what is read
            from frames is not exact.
        scale_jitter: Deviation of the noise on the logarithm of past scales.
        heading_jitter: Deviation of the noise on past headings, in radians.
        misread: Share of past poses whose heading is to the other side.
        displacement: How much the root's two numbers count, each as one of the others' counts 1.
    """

    history: int = 10
    width: int = 288
    blocks: int = 4
    steps: int = 8
    jitter: float = 0.006
    scale_jitter: float = 0.01
    heading_jitter: float = 0.15
    misread: float = 0.1
    displacement: float = 5.0

    def __post_init__(self) -> None:
        for name in ("history", "width", "blocks", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        for name in ("jitter", "scale_jitter", "heading_jitter", "misread", "displacement"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must not be negative")


class Motion(nn.Module):
    """Says pose after pose, each by a rectified flow (X. Liu et al., ICLR 2023) from noise.

    A residual network of dense layers, each modulated by caption and time (FiLM), says the pose
    itself, from which the flow's velocity follows: what the past leaves no doubt of is then a plain
    regression (T. Li, K. He: Back to Basics, 2025).

    Args:
        config: Its size.
        condition: Width of the caption embedding.
    """

    weight: Tensor
    past_mean: Tensor
    past_deviation: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: MotionConfig, condition: int) -> None:
        super().__init__()
        self.config = c = config
        self.enter = nn.Linear(FEATURES + c.history * (FEATURES + 1) + PLACE + 1, c.width)
        self.time = nn.Sequential(
            nn.Linear(1 + condition, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()
        )
        self.blocks = nn.ModuleList([_Block(c.width, 64) for _ in range(c.blocks)])
        self.leave = nn.Sequential(nn.LayerNorm(c.width), nn.Linear(c.width, FEATURES))
        for parameter in self.leave[1].parameters():
            nn.init.zeros_(parameter)
        weight = torch.ones(FEATURES)
        weight[-3:-1] = c.displacement
        self.register_buffer("weight", weight, persistent=False)
        for name, shape in (("past_", (c.history, FEATURES)), ("", (FEATURES,))):
            self.register_buffer(name + "mean", torch.zeros(shape))
            self.register_buffer(name + "deviation", torch.ones(shape))

    def loss(
        self, past: Poses, valid: Tensor, following: Poses, known: Tensor, condition: Tensor
    ) -> Tensor:
        """Flow matching loss, a scalar.

        Args:
            past: `[B, history]`, newest last.
            valid: bool `[B, history]`: which past poses there are.
            following: The pose that follows, `[B, 1]`.
            known: bool `[B]`: which of these count.
            condition: Caption embedding `[B, condition]`.
        """
        past = self._as_read(past)
        newest = past.last(valid)
        given = _relative(newest, past)
        target = _changes(newest, following, _velocity(given, valid)[0])[:, 0]
        if self.training:
            self._adapt("past_", given, valid)
            self._adapt("", target, known)
        target = (target - self.mean) / self.deviation
        time = torch.rand(len(target), 1, device=target.device)
        state = (1 - time) * torch.randn_like(target) + time * target
        error = self._clean(state, time, given, valid, condition) - target
        error = (error.square() * self.weight).mean(1) * known
        return error.sum() / known.sum().clamp(min=1)

    def forward(self, past: Poses, valid: Tensor, condition: Tensor, noise: Tensor) -> Poses:
        """Say the next pose.

        Args:
            past: `[B, history]`, newest last.
            valid: bool `[B, history]`.
            condition: Caption embedding `[B, condition]`.
            noise: `[B, FEATURES]`: normal for a sample, zero for what is expected.

        Returns:
            `[B, 1]`.
        """
        newest, state, steps = past.last(valid), noise, self.config.steps
        given = _relative(newest, past)
        for step in range(steps):
            time = noise.new_full((len(noise), 1), step / steps)
            clean = self._clean(state, time, given, valid, condition)
            state = state + (clean - state) / (steps - step)
        changes = state * self.deviation + self.mean
        return _follow(newest, changes[:, None], _velocity(given, valid)[0])

    def rollout(
        self, past: Poses, valid: Tensor, condition: Tensor, noise: Tensor
    ) -> tuple[Poses, Poses, Tensor]:
        """Say poses after poses.

        Args:
            past: `[B, history]`, newest last.
            valid: bool `[B, history]`.
            condition: Caption embedding `[B, condition]`.
            noise: `[B, T, FEATURES]`.

        Returns:
            `[B, T]`, and the past and its mask to go on from.
        """
        said = []
        for step in range(noise.shape[1]):
            said.append(self(past, valid, condition, noise[:, step]))
            past = past.then(said[-1]).frames(slice(1, None))
            valid = torch.cat([valid[:, 1:], valid.new_ones(len(valid), 1)], 1)
        return said[0].then(*said[1:]), past, valid

    def _clean(
        self, state: Tensor, time: Tensor, given: Tensor, valid: Tensor, condition: Tensor
    ) -> Tensor:
        """What a noisy state comes from, `[B, FEATURES]`, normalised."""
        shown = valid[..., None].to(given.dtype)
        velocity, moved = _velocity(given, valid)
        given = (given - self.past_mean) / self.past_deviation * shown
        seen = [state, given.flatten(1), shown.flatten(1), 10 * velocity, moved]
        x = self.enter(torch.cat(seen, 1))
        said = self.time(torch.cat([time, condition], 1))
        for block in self.blocks:
            x = block(x, said)
        out: Tensor = self.leave(x)
        return out

    def _as_read(self, past: Poses) -> Poses:
        """True poses with the errors that a reader makes.

        What follows is then said from what was read, so that the network puts it right.
        """
        c, shape = self.config, past.scale.shape
        noise = past.scale.new_empty(*shape, 36).normal_()
        jitter = c.jitter * past.scale[..., None]
        # a figure's keypoints are off together and each by itself
        keypoints = past.keypoints + 0.7 * (jitter * noise[..., :2])[..., None, :]
        keypoints = keypoints + (jitter * noise[..., 2:34]).unflatten(-1, (16, 2))
        angle = c.heading_jitter * noise[..., 34]
        cosine, sine = past.heading.unbind(-1)
        side = torch.where(torch.rand_like(cosine) < c.misread, -1.0, 1.0)
        heading = [side * cosine * angle.cos() - sine * angle.sin()]
        heading += [side * cosine * angle.sin() + sine * angle.cos()]
        scale = past.scale * (c.scale_jitter * noise[..., 35]).exp()
        return Poses(keypoints, scale, torch.stack(heading, -1))

    @torch.no_grad()
    def _adapt(self, name: str, values: Tensor, valid: Tensor, momentum: float = 0.02) -> None:
        """Follow the mean and deviation of what it is taught."""
        mean, deviation = getattr(self, name + "mean"), getattr(self, name + "deviation")
        weight = valid[..., None].to(values.dtype)
        count = weight.sum(0).clamp(min=1)
        now = (values * weight).sum(0) / count
        spread = ((values - now).square() * weight).sum(0) / count
        mean.lerp_(now, momentum)
        deviation.copy_(
            (deviation.square() * (1 - momentum) + momentum * spread).sqrt().clamp(min=0.02)
        )


class _Block(nn.Module):
    """Two dense layers beside an identity, modulated by what is said."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulate = nn.Linear(condition, 2 * width)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, x: Tensor, said: Tensor) -> Tensor:
        gain, shift = self.modulate(said).chunk(2, 1)
        out: Tensor = x + self.layers(self.norm(x) * (1 + gain) + shift)
        return out


def _body(track: Poses) -> Tensor:
    """Keypoints from the pelvis in body heights and the heading, `[B, T, 32]`."""
    root = track.keypoints[..., PELVIS : PELVIS + 1, :]
    body = canonical((track.keypoints - root) / track.scale[..., None, None])
    body = torch.cat([body[..., :PELVIS, :], body[..., PELVIS + 1 :, :]], -2)
    return torch.cat([body.flatten(-2), track.heading], -1)


def _places(newest: Poses, track: Poses) -> tuple[Tensor, Tensor]:
    """Roots from the newest's in its body heights `[B, T, 2]`, logarithms of scales `[B, T, 1]`."""
    root = (track.keypoints - newest.keypoints)[..., PELVIS, :]
    return root / newest.scale[..., None], (track.scale / newest.scale).log()[..., None]


def _relative(newest: Poses, track: Poses) -> Tensor:
    """What past poses are, as seen from the newest, `[B, T, FEATURES]`."""
    return torch.cat([_body(track), *_places(newest, track)], -1)


def _velocity(given: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Mean velocity of the places given, a frame, from the oldest to the newest valid one.

    Args:
        given: `[B, T, FEATURES]` from `_relative`.
        valid: bool `[B, T]`.

    Returns:
        `[B, PLACE]`, zero where fewer than two places are given, and whether there are, `[B, 1]`.
    """
    steps = torch.arange(1, valid.shape[1] + 1, device=valid.device)
    last = (valid * steps).argmax(1)
    first = (valid * steps.flip(0)).argmax(1)
    moved = (last > first)[:, None].to(given.dtype)
    rows = torch.arange(len(given), device=given.device)
    way = given[rows, last, -PLACE:] - given[rows, first, -PLACE:]
    return moved * way / (last - first).clamp(min=1)[:, None], moved


def _changes(newest: Poses, track: Poses, velocity: Tensor) -> Tensor:
    """What poses to come are, `[B, T, FEATURES]`: body, and change of place beside a velocity's."""
    places = torch.cat(_places(newest, track), -1)
    moves = places.diff(dim=1, prepend=torch.zeros_like(places[:, :1])) - velocity[:, None]
    return torch.cat([_body(track), moves], -1)


def _follow(newest: Poses, changes: Tensor, velocity: Tensor) -> Poses:
    """The inverse of `_changes`."""
    body, heading, moves = changes.split([FEATURES - 2 - PLACE, 2, PLACE], -1)
    places = (moves + velocity[:, None]).cumsum(1)
    scale = newest.scale * places[..., 2].exp()
    root = newest.keypoints[:, :, PELVIS] + places[..., :2] * newest.scale[..., None]
    body = body.unflatten(-1, (-1, 2))
    body = torch.cat(
        [body[..., :PELVIS, :], torch.zeros_like(body[..., :1, :]), body[..., PELVIS:, :]], -2
    )
    keypoints = root[..., None, :] + body * scale[..., None, None]
    return Poses(keypoints, scale, F.normalize(heading, dim=-1, eps=1e-3))
