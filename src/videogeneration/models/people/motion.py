"""Says the poses to come from past poses, a caption and noise."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from videogeneration.models.people.skeleton import KEYPOINTS, PELVIS, canonical

FEATURES = 2 * (len(KEYPOINTS) - 1) + 2 + 2 + 1
"""Numbers a frame: keypoints from the pelvis, heading, displacement, change of scale."""


@dataclass(frozen=True)
class MotionConfig:
    """The motion network.

    Attributes:
        history: Past poses that it is given, missing ones masked.
        horizon: Poses that it says at once; longer films are rolled out.
        width: Width of its layers.
        blocks: Number of its residual blocks.
        condition: Width of the caption embedding.
        steps: Euler steps of a sample.
        jitter: Deviation of the noise on past keypoints in training, in body heights: what is read
            from frames is not exact.
    """

    history: int = 10
    horizon: int = 10
    width: int = 320
    blocks: int = 4
    condition: int = 32
    steps: int = 8
    jitter: float = 0.015

    def __post_init__(self) -> None:
        for name in ("history", "horizon", "width", "blocks", "condition", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.jitter < 0:
            raise ValueError(f"jitter is {self.jitter}; it must not be negative")


@dataclass(frozen=True)
class Track:
    """Poses over T frames.

    Attributes:
        keypoints: `[B, T, 16, 2]` in pixels.
        scale: `[B, T]`: pixels of a body height.
        heading: `[B, T, 2]`: cosine and sine.
    """

    keypoints: Tensor
    scale: Tensor
    heading: Tensor

    def last(self, valid: Tensor) -> "Track":
        """The newest valid pose, `[B, 1, ...]`; the newest of all where none is."""
        steps = torch.arange(1, valid.shape[1] + 1, device=valid.device)
        index = torch.where(valid.any(1), (valid * steps).argmax(1), valid.shape[1] - 1)
        rows = torch.arange(len(valid), device=valid.device)
        return Track(*(value[rows, index][:, None] for value in vars(self).values()))

    def then(self, other: "Track") -> "Track":
        """Both, one after the other."""
        return Track(
            *(torch.cat(both, 1) for both in zip(vars(self).values(), vars(other).values()))
        )

    def frames(self, frames: slice) -> "Track":
        """Some of the frames."""
        return Track(*(value[:, frames] for value in vars(self).values()))


class Motion(nn.Module):
    """A rectified flow (X. Liu et al., ICLR 2023) from noise to the poses to come.

    Its velocity is a residual network of dense layers, each modulated by caption and time (FiLM).
    With no noise and one step it says the mean of what may come, with noise and several a sample.

    Args:
        config: Its size.
    """

    past_mean: Tensor
    past_deviation: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, config: MotionConfig) -> None:
        super().__init__()
        self.config = c = config
        self.enter = nn.Linear(
            c.horizon * FEATURES + c.history * (FEATURES + 1), c.width
        )
        self.time = nn.Sequential(
            nn.Linear(1 + c.condition, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU()
        )
        self.blocks = nn.ModuleList([_Block(c.width, 64) for _ in range(c.blocks)])
        self.leave = nn.Sequential(nn.LayerNorm(c.width), nn.Linear(c.width, c.horizon * FEATURES))
        nn.init.zeros_(self.leave[1].weight)
        for name, rows in (("past_", c.history), ("", c.horizon)):
            self.register_buffer(name + "mean", torch.zeros(rows, FEATURES))
            self.register_buffer(name + "deviation", torch.ones(rows, FEATURES))

    def loss(
        self, past: Track, valid: Tensor, future: Track, known: Tensor, condition: Tensor
    ) -> Tensor:
        """Flow matching loss, a scalar.

        Args:
            past: `[B, history]`, newest last.
            valid: bool `[B, history]`: which past poses there are.
            future: `[B, horizon]`.
            known: bool `[B, horizon]`: which of the poses to come count.
            condition: Caption embedding `[B, condition]`.
        """
        newest = past.last(valid)
        target = _changes(newest, future)
        noisy = past.keypoints + (
            self.config.jitter * past.scale[..., None, None] * torch.randn_like(past.keypoints)
        )
        past = Track(noisy, past.scale, past.heading)
        newest = past.last(valid)
        given = _relative(newest, past)
        if self.training:
            self._adapt("past_", given, valid)
            self._adapt("", target, known)
        target = (target - self.mean) / self.deviation * known[..., None]
        noise = torch.randn_like(target)
        time = torch.randn(len(target), 1, 1, device=target.device).sigmoid()
        velocity = self._velocity(
            (1 - time) * noise + time * target, time[:, :, 0], given, valid, condition
        )
        error = (velocity - (target - noise)).square().mean(-1) * known
        return error.sum() / known.sum().clamp(min=1)

    def forward(
        self, past: Track, valid: Tensor, condition: Tensor, noise: Tensor, steps: int
    ) -> Track:
        """Say the poses to come.

        Args:
            past: `[B, history]`, newest last.
            valid: bool `[B, history]`.
            condition: Caption embedding `[B, condition]`.
            noise: `[B, horizon, FEATURES]`: normal for a sample, zero for the likeliest.
            steps: Euler steps; 1 from no noise is the mean.

        Returns:
            `[B, horizon]`.
        """
        newest = past.last(valid)
        given, state = _relative(newest, past), noise
        for step in range(steps):
            time = noise.new_full((len(noise), 1), step / steps)
            state = state + self._velocity(state, time, given, valid, condition) / steps
        return _follow(newest, state * self.deviation + self.mean)

    def _velocity(
        self, state: Tensor, time: Tensor, given: Tensor, valid: Tensor, condition: Tensor
    ) -> Tensor:
        shown = valid[..., None].to(given.dtype)
        given = (given - self.past_mean) / self.past_deviation * shown
        x = self.enter(torch.cat([state.flatten(1), given.flatten(1), valid.to(given.dtype)], 1))
        said = self.time(torch.cat([time, condition], 1))
        for block in self.blocks:
            x = block(x, said)
        out: Tensor = self.leave(x).view_as(state)
        return out

    @torch.no_grad()
    def _adapt(self, name: str, values: Tensor, valid: Tensor, momentum: float = 0.02) -> None:
        """Follow the mean and deviation of what it is taught, frame by frame."""
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


def _body(track: Track) -> Tensor:
    """Keypoints from the pelvis in body heights and the heading, `[B, T, 32]`."""
    root = track.keypoints[..., PELVIS : PELVIS + 1, :]
    body = canonical((track.keypoints - root) / track.scale[..., None, None])
    body = torch.cat([body[..., :PELVIS, :], body[..., PELVIS + 1 :, :]], -2)
    return torch.cat([body.flatten(-2), track.heading], -1)


def _places(newest: Track, track: Track) -> tuple[Tensor, Tensor]:
    """Roots from the newest's in its body heights `[B, T, 2]`, logarithms of scales `[B, T, 1]`."""
    root = (track.keypoints - newest.keypoints)[..., PELVIS, :]
    return root / newest.scale[..., None], (track.scale / newest.scale).log()[..., None]


def _relative(newest: Track, track: Track) -> Tensor:
    """What past poses are, as seen from the newest, `[B, T, FEATURES]`."""
    return torch.cat([_body(track), *_places(newest, track)], -1)


def _changes(newest: Track, track: Track) -> Tensor:
    """What poses to come are: body and change of place from frame to frame, `[B, T, FEATURES]`."""
    places = torch.cat(_places(newest, track), -1)
    return torch.cat([_body(track), places.diff(dim=1, prepend=torch.zeros_like(places[:, :1]))], -1)


def _follow(newest: Track, changes: Tensor) -> Track:
    """The inverse of `_changes`."""
    body, heading, places = changes.split([FEATURES - 5, 2, 3], -1)
    places = places.cumsum(1)
    scale = newest.scale * places[..., 2].exp()
    root = newest.keypoints[:, :, PELVIS] + places[..., :2] * newest.scale[..., None]
    body = body.unflatten(-1, (-1, 2))
    body = torch.cat(
        [body[..., :PELVIS, :], torch.zeros_like(body[..., :1, :]), body[..., PELVIS:, :]], -2
    )
    keypoints = root[..., None, :] + body * scale[..., None, None]
    return Track(keypoints, scale, F.normalize(heading, dim=-1, eps=1e-3))
