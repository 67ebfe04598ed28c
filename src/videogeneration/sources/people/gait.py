"""How a person moves: joint angles over the gait cycle and the skeleton that follows from them.

Body coordinates are `(forward, left, up)` in body heights, with the origin on the ground under the
pelvis. A cycle is two steps; its phase runs from 0 to 1 and starts at a heel strike.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIDES = (1.0, -1.0)  # left, right
PHASES = 120
ANKLE_HEIGHT = 0.042
HEEL, BALL, TOE = -0.042, 0.07, 0.1  # from the ankle along the foot
NOSE = 0.056  # from the centre of the head forward
HIP_HALF_WIDTH = 0.045
SHOULDER_HALF_WIDTH = 0.1


@dataclass(frozen=True)
class Gait:
    """One way of going.

    Attributes:
        hip: Flexion of the hip at the tenths of the cycle, degrees, thigh forward positive.
        knee: Flexion of the knee at the tenths of the cycle, degrees.
        ankle: Flexion of the ankle at the tenths of the cycle, degrees, toes up positive.
        contact: Share of the cycle in which a foot is on the ground; under 0.5 there is a flight.
        flight: How high the body flies between two contacts, body heights.
        arm_swing: Amplitude of the upper arm, degrees, opposite to the leg of its side.
        arm_forward: Mean angle of the upper arm, degrees.
        elbow: Mean flexion of the elbow, degrees.
        lean: Forward lean of the trunk, degrees.
        speed: Usual speed, body heights a second.
    """

    hip: tuple[float, ...]
    knee: tuple[float, ...]
    ankle: tuple[float, ...]
    contact: float
    flight: float
    arm_swing: float
    arm_forward: float
    elbow: float
    lean: float
    speed: float

    def varied(self, rng: np.random.Generator) -> "Gait":
        """Return the same gait as another person has it: other amplitudes, arms and lean."""
        swing, bend = rng.normal(1, 0.07), rng.normal(1, 0.06)
        return replace(
            self,
            hip=tuple(angle * swing for angle in self.hip),
            knee=tuple(angle * bend for angle in self.knee),
            arm_swing=self.arm_swing * float(rng.uniform(0.5, 1.35)),
            arm_forward=self.arm_forward + float(rng.normal(0, 4)),
            elbow=self.elbow * float(rng.uniform(0.7, 1.3)),
            lean=self.lean + float(rng.normal(0, 1.5)),
            speed=self.speed * float(np.clip(rng.normal(1, 0.09), 0.8, 1.25)),
        )

    def strided(self, share: float) -> "Gait":
        """Return the gait with steps of `share` of their usual length."""
        return replace(self, hip=tuple(angle * share for angle in self.hip))


# Sagittal angles after D. A. Winter, "Biomechanics and Motor Control of Human Gait" (walking) and
# T. F. Novacheck, "The biomechanics of running" (1998), rounded to what 160x120 pixels show.
GAITS = {
    "walking": Gait(
        hip=(29, 25, 16, 6, -5, -14, -8, 12, 26, 31),
        knee=(5, 14, 16, 10, 5, 10, 36, 60, 48, 16),
        ankle=(-2, -6, 2, 7, 10, 8, -8, -6, 4, 3),
        contact=0.6,
        flight=0.0,
        arm_swing=23,
        arm_forward=-2,
        elbow=28,
        lean=3,
        speed=0.8,
    ),
    "jogging": Gait(
        hip=(28, 26, 15, 2, -9, -9, 5, 22, 34, 34),
        knee=(14, 32, 35, 24, 16, 30, 64, 82, 62, 28),
        ankle=(4, 12, 17, 10, -10, -14, -6, 0, 2, 5),
        contact=0.42,
        flight=0.014,
        arm_swing=22,
        arm_forward=-8,
        elbow=88,
        lean=5,
        speed=1.3,
    ),
    "running": Gait(
        hip=(43, 38, 21, 1, -15, -18, 8, 36, 54, 53),
        knee=(16, 35, 38, 28, 17, 38, 84, 104, 82, 38),
        ankle=(5, 14, 19, 6, -17, -15, -5, 0, 2, 5),
        contact=0.36,
        flight=0.025,
        arm_swing=36,
        arm_forward=-8,
        elbow=92,
        lean=9,
        speed=2.2,
    ),
}


def _periodic(samples: tuple[float, ...], phase: Array) -> Array:
    """Interpolate samples of one cycle at any phase, by their Fourier series."""
    harmonics = np.fft.rfft(samples)[:5] / len(samples)
    orders = np.arange(len(harmonics))
    waves = np.exp(2j * np.pi * phase[..., None] * orders)
    return (waves * harmonics).real @ np.where(orders == 0, 1.0, 2.0)


def _sagittal(angle: Array, length: float) -> Array:
    """Vector of a segment that hangs down at angle 0 and points forward at 90 degrees."""
    radians = np.radians(angle)
    return length * np.stack([np.sin(radians), np.zeros_like(radians), -np.cos(radians)], -1)


@dataclass(frozen=True)
class Leg:
    """Joints of one leg, each `[T, 3]`."""

    hip: Array
    knee: Array
    ankle: Array
    heel: Array
    ball: Array
    toe: Array


@dataclass(frozen=True)
class Arm:
    """Joints of one arm, each `[T, 3]`."""

    shoulder: Array
    elbow: Array
    wrist: Array
    hand: Array


@dataclass(frozen=True)
class Pose:
    """A skeleton over T frames; `legs` and `arms` are left, right."""

    pelvis: Array
    neck: Array
    head: Array
    nose: Array
    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]

    def part(self, frames: slice) -> "Pose":
        """The skeleton in some of the frames."""
        legs = [Leg(*(joint[frames] for joint in vars(leg).values())) for leg in self.legs]
        arms = [Arm(*(joint[frames] for joint in vars(arm).values())) for arm in self.arms]
        return Pose(
            pelvis=self.pelvis[frames],
            neck=self.neck[frames],
            head=self.head[frames],
            nose=self.nose[frames],
            legs=(legs[0], legs[1]),
            arms=(arms[0], arms[1]),
        )


def _leg(gait: Gait, leg_length: float, phase: Array, side: float) -> Leg:
    """Leg under a pelvis at the origin."""
    phase = phase if side < 0 else phase + 0.5
    thigh = _periodic(gait.hip, phase)
    shank = thigh - _periodic(gait.knee, phase)
    foot = np.radians(shank + _periodic(gait.ankle, phase))
    segment = (leg_length - ANKLE_HEIGHT) / 2
    hip = np.broadcast_to([0.0, side * HIP_HALF_WIDTH, 0.0], (*phase.shape, 3))
    knee = hip + _sagittal(thigh, segment)
    ankle = knee + _sagittal(shank, segment)

    def on_sole(along: float) -> Array:
        forward = along * np.cos(foot) + ANKLE_HEIGHT * np.sin(foot)
        up = along * np.sin(foot) - ANKLE_HEIGHT * np.cos(foot)
        return ankle + np.stack([forward, np.zeros_like(forward), up], -1)

    return Leg(hip, knee, ankle, on_sole(HEEL), on_sole(BALL), on_sole(TOE))


def _arm(neck: Array, side: float, upper: Array, lower: Array, out: Array, lower_out: Array) -> Arm:
    """Arm from the sagittal angles of its two segments and their angles outwards, degrees."""

    def segment(angle: Array, outwards: Array, length: float) -> Array:
        flexion, abduction = np.radians(angle), np.radians(outwards)
        forward = np.sin(flexion) * np.cos(abduction)
        down = np.cos(flexion) * np.cos(abduction)
        return length * np.stack([forward, side * np.sin(abduction), -down], -1)

    shoulder = neck + np.array([0.0, side * SHOULDER_HALF_WIDTH, -0.05])
    elbow = shoulder + segment(upper, out, 0.172)
    wrist = elbow + segment(lower, lower_out, 0.14)
    return Arm(shoulder, elbow, wrist, wrist + segment(lower + 8, lower_out, 0.06))


class Cycle:
    """A gait on legs of a certain length: height of the pelvis and way made, by phase.

    The pelvis is as high as the lower foot demands and moves as fast as the foot on the ground is
    left behind, so that feet neither float, sink, nor slide much.

    Attributes:
        stride: Way made in one cycle, body heights.
    """

    def __init__(self, gait: Gait, leg_length: float) -> None:
        self.gait, self.leg_length = gait, leg_length
        grid = np.arange(PHASES) / PHASES
        legs = [_leg(gait, leg_length, grid, side) for side in SIDES]
        soles = np.stack([point for leg in legs for point in (leg.heel, leg.ball)])
        standing = np.stack([(grid + 0.5 * (side > 0)) % 1 < gait.contact for side in SIDES])
        standing |= ~standing.any(axis=0)
        standing = np.repeat(standing, 2, axis=0)
        height = np.where(standing, soles[..., 2], np.inf)
        lowest = height.min(axis=0)
        step = (grid * 2) % 1  # a step is half a cycle
        airborne = np.clip((step / 2 - gait.contact) / max(0.5 - gait.contact, 1e-6), 0, 1)
        self._height = _smooth(-lowest + gait.flight * np.sin(np.pi * airborne), 2.0)

        left_behind = -np.gradient(np.concatenate([soles] * 3, axis=1)[..., 0], axis=1)
        left_behind = left_behind[:, PHASES : 2 * PHASES]
        weight = np.exp(-(height - lowest) / 0.008)
        speed = (left_behind * weight).sum(axis=0) / weight.sum(axis=0)
        speed[airborne > 0] = speed[airborne == 0].mean()
        speed = 0.5 * (_smooth(speed, 4.0) + speed.mean())  # bodies are too heavy to jerk
        self.stride = float(speed.sum())
        self._way = np.concatenate([[0.0], np.cumsum(speed)])

    def way(self, phase: Array) -> Array:
        """Way made since phase 0, body heights; phases may exceed 1."""
        return np.floor(phase) * self.stride + np.interp(
            phase % 1, np.arange(PHASES + 1) / PHASES, self._way
        )

    def pose(self, phase: Array) -> Pose:
        """Pose the skeleton at each phase `[T]`."""
        gait = self.gait
        wrapped = np.concatenate([self._height, self._height[:1]])
        height = np.interp(phase % 1, np.arange(PHASES + 1) / PHASES, wrapped)
        pelvis = height[:, None] * np.array([0.0, 0.0, 1.0])
        legs = [_leg(gait, self.leg_length, phase, side) for side in SIDES]
        legs = [Leg(*(pelvis + joint for joint in vars(leg).values())) for leg in legs]
        for leg in legs:  # toes bend, they do not dig
            leg.toe[:, 2] = np.maximum(leg.toe[:, 2], 0.004)
        neck, head, nose = _trunk(pelvis, self.leg_length, np.full(len(phase), gait.lean))
        arms = []
        for side in SIDES:
            swing = np.cos(2 * np.pi * (phase + (0.0 if side > 0 else 0.5)))
            upper = gait.arm_forward + gait.arm_swing * swing
            lower = upper + gait.elbow * (1 + 0.45 * swing * (gait.elbow < 60))
            out = np.full(len(phase), 5.0)
            arms.append(_arm(neck, side, upper, lower, out, -out * (gait.elbow > 60) * 3))
        return Pose(pelvis, neck, head, nose, (legs[0], legs[1]), (arms[0], arms[1]))


def _smooth(values: Array, sigma: float) -> Array:
    """Circular Gaussian smoothing over the phase grid."""
    frequencies = np.fft.rfftfreq(len(values))
    kept = np.fft.rfft(values) * np.exp(-2 * (np.pi * frequencies * sigma) ** 2)
    return np.fft.irfft(kept, len(values))


def _trunk(pelvis: Array, leg_length: float, lean: Array) -> tuple[Array, Array, Array]:
    """Base of the neck, centre of the head and tip of the nose above a pelvis."""
    neck = pelvis + _upright(lean, 0.855 - leg_length)
    head = neck + _upright(lean * 0.6 + 4, 0.078)
    return neck, head, head + np.array([NOSE, 0.0, -0.006])


def _upright(lean: Array, length: float) -> Array:
    """Vector that stands up at lean 0 and tips forward with it."""
    return _sagittal(180 - lean, length)


STROKES = {"boxing": 2, "handclapping": 1, "handwaving": 2}
"""Strokes until a gesture begins anew: both fists, a clap, up and down."""


def stand(action: str, seconds: Array, leg_length: float, tempo: float) -> Pose:
    """Pose someone who stands and boxes, claps or waves.

    Args:
        action: `boxing`, `handclapping` or `handwaving`.
        seconds: Time of each frame `[T]`.
        leg_length: Height of the pelvis, body heights.
        tempo: Strokes a second.
    """
    zero = np.zeros(len(seconds))
    beat = 2 * np.pi * tempo * seconds
    pelvis = np.stack([0.006 * np.sin(beat / 2), zero, zero + leg_length - 0.006], -1)
    neck, head, nose = _trunk(pelvis, leg_length, zero + 2)
    legs, arms = [], []
    for side in SIDES:
        # one foot before the other when boxing, side by side otherwise
        ahead = 0.09 * side if action == "boxing" else 0.0
        hip = pelvis + np.array([0.0, side * HIP_HALF_WIDTH, 0.0])
        ankle = np.stack([zero + ahead, zero + side * 0.07, zero + ANKLE_HEIGHT], -1)
        knee = (hip + ankle) / 2 + [0.012, 0.0, 0.0]
        sole = [ankle + np.array([along, 0.0, -ANKLE_HEIGHT]) for along in (HEEL, BALL, TOE)]
        legs.append(Leg(hip, knee, ankle, *sole))
        if action == "boxing":
            punch = np.clip(np.sin(beat / 2 + (np.pi if side > 0 else 0.0)), 0, 1) ** 1.5
            upper, lower = 30 + 52 * punch, 135 - 47 * punch
            arms.append(_arm(neck, side, upper, lower, zero + 8 * (1 - punch), zero - 8))
        elif action == "handclapping":
            apart = (1 + np.cos(beat)) / 2
            arms.append(_arm(neck, side, zero + 38, zero + 84, 12 + 28 * apart, -42 + 72 * apart))
        else:
            raised = (1 - np.cos(beat / 2)) / 2
            out = 20 + 130 * raised
            arms.append(_arm(neck, side, zero + 4, zero + 4, out, out + 12))
    return Pose(pelvis, neck, head, nose, (legs[0], legs[1]), (arms[0], arms[1]))
