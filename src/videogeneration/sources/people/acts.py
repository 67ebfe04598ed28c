"""What a person can do: postures over the cycle of a gait or a gesture, as different people do it.

An act is a table of postures over one cycle, which starts anew with phase 1. A gait's cycle is two
steps and starts at a right heel strike; that of boxing is two punches, that of clapping one clap,
that of waving once up and down. A posture is the angles that `skeleton` makes joints of.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from videogeneration.models.people.skeleton import KEYPOINTS

Array = NDArray[np.float64]

TRAVELLING = ("walking", "jogging", "running")
GESTURES = ("boxing", "handclapping", "handwaving")
ACTIONS = (*TRAVELLING, *GESTURES)

SIDES = np.array([1.0, -1.0])  # left, right

TRUNK = ("lean", "bend", "twist", "nod", "hop", "fist")
LIMBS = ("thigh", "spread", "knee", "ankle", "upper", "out", "lower", "lower_out")
ANGLES = len(TRUNK) + 2 * len(LIMBS)
PHASES = 64
PHASE = np.arange(PHASES) / PHASES

ANKLE_HEIGHT = 0.042
HEEL, BALL, TOE = -0.04, 0.066, 0.096  # from the ankle along the foot
HIP_HALF_WIDTH = 0.045
SHOULDER_HALF_WIDTH = 0.105
UPPER_ARM, FOREARM, HAND = 0.172, 0.145, 0.05
TOES_OUT = np.radians(9.0)
UNEVEN = 0.15
"""How much of the unevenness of the feet's speed a trunk has, as measured in recorded walkers."""
SOLE = 0.006
"""Softness of the ground under the lower foot, body heights: heel and ball share the weight."""

JOINTS = (
    *KEYPOINTS,
    *(f"{side}_{name}" for name in ("hip", "heel", "ball", "hand") for side in ("left", "right")),
)
"""The joints of a skeleton: the keypoints first, then those that only the drawing needs."""


@dataclass(frozen=True)
class Posture:
    """Angles in degrees, arrays of one shape `[...]`, those of limbs `[..., 2]` (left, right).

    Attributes:
        lean: Forward lean of the trunk.
        bend: Lean of the trunk to the left.
        twist: Turn of the shoulders against the pelvis, to the left.
        nod: Forward tilt of the head.
        hop: Not an angle: height above the ground that a jump adds, body heights.
        fist: Not an angle: 0 for an open hand, 1 for a fist.
        thigh: Flexion of the hip, forward positive.
        spread: How far the leg is spread outwards.
        knee: Flexion of the knee.
        ankle: Flexion of the ankle, toes up positive.
        upper: Angle of the upper arm, forward positive, 0 hangs down.
        out: How far the upper arm is spread outwards.
        lower: Angle of the forearm in space, like `upper`.
        lower_out: How far the forearm points outwards.
    """

    lean: Array | float = 0.0
    bend: Array | float = 0.0
    twist: Array | float = 0.0
    nod: Array | float = 4.0
    hop: Array | float = 0.0
    fist: Array | float = 0.0
    thigh: Array | float = 0.0
    spread: Array | float = 2.0
    knee: Array | float = 3.0
    ankle: Array | float = 3.0
    upper: Array | float = 2.0
    out: Array | float = 7.0
    lower: Array | float = 14.0
    lower_out: Array | float = 5.0

    def table(self) -> Array:
        """All angles over one cycle, `[PHASES, ANGLES]`."""
        table = np.empty((PHASES, ANGLES))
        for i, name in enumerate(TRUNK):
            table[:, i] = getattr(self, name)
        limbs = table[:, len(TRUNK) :].reshape(PHASES, 2, len(LIMBS))
        for i, name in enumerate(LIMBS):
            limbs[..., i] = getattr(self, name)
        return table


STANDING = Posture().table()[0]


@dataclass(frozen=True)
class Act:
    """Something that one person does.

    Attributes:
        action: One of `ACTIONS`.
        postures: Angles over one cycle, `[PHASES, ANGLES]`, see `Posture`.
        tempo: For a gesture: cycles a second; for a gait: speed in body heights a second.
        sway: How unsteadily the phase runs, cycles.
    """

    action: str
    postures: Array
    tempo: float
    sway: float = 0.0


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
        inwards: How far the forearm points before the chest, degrees.
        lean: Forward lean of the trunk, degrees.
        twist: Amplitude of the shoulders' turn, degrees.
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
    inwards: float
    lean: float
    twist: float
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
            inwards=self.inwards + float(rng.normal(0, 6)),
            lean=self.lean + float(rng.normal(0, 1.5)),
            twist=self.twist * float(rng.uniform(0.5, 1.6)),
            speed=self.speed * float(np.clip(rng.normal(1, 0.09), 0.8, 1.25)),
        )


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
        inwards=-3,
        lean=3,
        twist=5,
        speed=0.8,
    ),
    "jogging": Gait(
        hip=(28, 26, 15, 2, -9, -9, 5, 22, 34, 34),
        knee=(14, 32, 35, 24, 16, 30, 64, 82, 62, 28),
        ankle=(4, 12, 17, 10, -10, -14, -6, 0, 2, 5),
        contact=0.42,
        flight=0.024,
        arm_swing=22,
        arm_forward=-8,
        elbow=95,
        inwards=18,
        lean=5,
        twist=8,
        speed=1.3,
    ),
    "running": Gait(
        hip=(43, 38, 21, 1, -15, -18, 8, 36, 54, 53),
        knee=(16, 35, 38, 28, 17, 38, 84, 104, 82, 38),
        ankle=(5, 14, 19, 6, -17, -15, -5, 0, 2, 5),
        contact=0.36,
        flight=0.042,
        arm_swing=38,
        arm_forward=-10,
        elbow=95,
        inwards=15,
        lean=10,
        twist=11,
        speed=2.2,
    ),
}

# Fourier interpolation from tenths of the cycle to its phases, `[10, PHASES]`.
_TENTHS = np.fft.irfft(np.fft.rfft(np.eye(10))[:, :5], PHASES) * PHASES / 10


def going(action: str, gait: Gait, speed: float) -> Act:
    """How someone with this gait walks, jogs or runs.

    Args:
        action: What it is called.
        gait: How the person goes.
        speed: Body heights a second. Slower people make shorter steps, not only fewer.
    """
    hip = np.array(gait.hip) * float(np.sqrt(speed / gait.speed))
    thigh, knee, ankle = (np.array(angles) @ _TENTHS for angles in (hip, gait.knee, gait.ankle))
    swing = np.cos(2 * np.pi * PHASE)[:, None] * SIDES
    upper = gait.arm_forward + gait.arm_swing * swing
    airborne = (PHASE * 2 % 1 / 2 - gait.contact) / max(0.5 - gait.contact, 1e-6)
    posture = Posture(
        lean=gait.lean,
        bend=1.5 * np.sin(2 * np.pi * PHASE),
        twist=-gait.twist * swing[:, 0],
        hop=gait.flight * np.sin(np.pi * np.clip(airborne, 0, 1)),
        fist=float(gait.elbow > 60) * 0.7,
        thigh=_left_and_right(thigh),
        knee=_left_and_right(knee),
        ankle=_left_and_right(ankle),
        upper=upper,
        lower=upper + gait.elbow * (1 + 0.45 * swing * (gait.elbow < 60)),
        lower_out=-gait.inwards,
    )
    return Act(action, posture.table(), speed)


def _left_and_right(right: Array) -> Array:
    """The left side does half a cycle later what the right does, `[PHASES, 2]`."""
    return np.stack([np.concatenate([right[PHASES // 2 :], right[: PHASES // 2]]), right], -1)


TEMPOS = {"boxing": (0.55, 1.2), "handclapping": (0.5, 2.2), "handwaving": (0.45, 1.0)}
"""Cycles a second, as counted in recordings: slowest and fastest."""


def gesture(action: str, rng: np.random.Generator) -> Act:
    """How somebody boxes, claps or waves."""
    posture = {"boxing": _boxing, "handclapping": _clapping, "handwaving": _waving}[action](rng)
    slow, fast = TEMPOS[action]
    # as many slow ones as fast ones
    tempo = slow * (fast / slow) ** rng.random()
    return Act(action, posture.table(), float(tempo), float(rng.uniform(0, 0.06)))


def _boxing(rng: np.random.Generator) -> Posture:
    """Guard up, straight punches, mostly with one arm after the other."""
    turn = 2 * np.pi * PHASE
    punch = np.stack([np.sin(turn), np.sin(turn + np.pi)], -1)
    if rng.random() < 0.2:  # one arm alone, twice
        alone = np.abs(np.sin(turn))
        punch = np.stack([alone, 0 * alone], -1)[:, :: rng.choice([-1, 1])]
    punch = np.clip(punch, 0, 1) ** rng.uniform(1.0, 2.6)
    guard, raised = rng.uniform(110, 155), rng.uniform(15, 45)
    reach, aim = rng.uniform(72, 95), rng.uniform(78, 98)
    before = rng.choice([-1, 1]) * SIDES  # one foot before the other
    step, bounce = rng.uniform(2, 11), rng.uniform(0, 4) * (1 + np.sin(2 * turn))[:, None]
    thigh, knee = step * before + bounce, 3 + bounce * 2
    return Posture(
        lean=rng.uniform(-2, 7),
        twist=rng.uniform(4, 18) * (punch[:, 1] - punch[:, 0]) + rng.normal(0, 6),
        nod=rng.uniform(0, 14),
        fist=1.0,
        thigh=thigh,
        knee=knee,
        ankle=knee - thigh,
        spread=rng.uniform(2, 6),
        upper=raised + (reach - raised) * punch,
        out=rng.uniform(5, 22) * (1 - punch),
        lower=guard + (aim - guard) * punch,
        lower_out=-rng.uniform(5, 30) * (1 - 0.7 * punch),
    )


def _clapping(rng: np.random.Generator) -> Posture:
    """Hands together before chest or belly, and apart, narrowly or with wide arms."""
    apart = ((1 + np.cos(2 * np.pi * PHASE)) / 2)[:, None] ** rng.uniform(0.7, 1.3)
    wide = rng.uniform(0.25, 1)
    high = rng.normal(0, 14)
    upper, lower = rng.uniform(20, 42), rng.uniform(68, 98) + high
    out, inwards = rng.uniform(4, 14), rng.uniform(34, 44)
    thigh, knee, spread = _stance(rng, apart)
    return Posture(
        lean=rng.uniform(-1, 4),
        nod=rng.uniform(0, 12),
        twist=rng.normal(0, 4),
        thigh=thigh,
        knee=knee,
        ankle=knee - thigh,
        spread=spread,
        upper=upper * (1 - 0.6 * wide * apart),
        out=out + (48 * wide - out) * apart,
        lower=lower - wide * rng.uniform(-15, 30) * apart,
        lower_out=-inwards + (inwards + 72 * wide) * apart,
    )


def _waving(rng: np.random.Generator) -> Posture:
    """Both arms from the sides up over the head, and down."""
    raised = ((1 - np.cos(2 * np.pi * PHASE)) / 2)[:, None]
    low = rng.uniform(12, 80)
    high = rng.uniform(115, 160)
    over = rng.uniform(170, 240)  # more than 180: hands come together over the head
    thigh, knee, spread = _stance(rng, raised)
    return Posture(
        lean=rng.uniform(-2, 2),
        nod=rng.uniform(-4, 8),
        twist=rng.normal(0, 4),
        thigh=thigh,
        knee=knee,
        ankle=knee - thigh,
        spread=spread,
        upper=rng.uniform(-4, 14),
        out=low + (high - low) * raised,
        lower=rng.uniform(-4, 14),
        lower_out=low + rng.uniform(-2, 20) + (over - low - 10) * raised ** rng.uniform(0.9, 1.8),
    )


def _stance(rng: np.random.Generator, beat: Array) -> tuple[Array, Array, float]:
    """Thigh, knee and spread of someone who stands and springs a little with the beat."""
    spring = rng.uniform(0, 3) * beat
    return spring, 3 + 2 * spring, float(rng.uniform(0, 8))


def skeleton(postures: Array, leg_length: Array) -> Array:
    """The joints of postures.

    Args:
        postures: `[..., ANGLES]`, degrees, see `Posture`.
        leg_length: Height of the pelvis when standing, body heights, `[...]`.

    Returns:
        `[..., joints, 3]`, see `JOINTS`: (forward, left, up) in body heights, from the ground under
        the pelvis.
    """
    lean, bend, twist, nod = np.moveaxis(np.radians(postures[..., :4]), -1, 0)
    hop, fist = postures[..., 4], postures[..., 5]
    limbs = postures[..., len(TRUNK) :].reshape(*postures.shape[:-1], 2, len(LIMBS))
    thigh, spread, knee, ankle, upper, out, lower, lower_out = np.moveaxis(np.radians(limbs), -1, 0)

    hip = np.zeros((*thigh.shape, 3))
    hip[..., 1] = HIP_HALF_WIDTH * SIDES
    segment = ((leg_length - ANKLE_HEIGHT) / 2)[..., None, None]
    shank = thigh - knee
    knees = hip + segment * _hanging(thigh, spread)
    ankles = knees + segment * _hanging(shank, spread)
    foot = shank + ankle
    along = np.stack(
        [np.cos(foot) * np.cos(TOES_OUT), np.cos(foot) * np.sin(TOES_OUT) * SIDES, np.sin(foot)], -1
    )
    below = np.stack([np.sin(foot), 0 * foot, -np.cos(foot)], -1) * ANKLE_HEIGHT
    heel, ball, toe = (ankles + length * along + below for length in (HEEL, BALL, TOE))

    lowest, _ = _lowest(np.concatenate([heel[..., 2], ball[..., 2]], -1))
    pelvis = np.zeros((*lean.shape, 3))
    pelvis[..., 2] = hop - lowest
    legs = [joint + pelvis[..., None, :] for joint in (knees, ankles, toe, hip, heel, ball)]
    legs[2][..., 2] = np.maximum(legs[2][..., 2], 0.004)  # toes bend, they do not dig

    neck = pelvis + (0.855 - leg_length)[..., None] * _standing(lean, bend)
    head = neck + 0.078 * _standing(0.6 * lean + nod, 0.5 * bend)
    gaze = 0.5 * twist
    nose = np.stack([np.cos(nod) * np.cos(gaze), np.cos(nod) * np.sin(gaze), -np.sin(nod)], -1)

    # shoulders and arms turn with the trunk
    cos, sin = np.cos(twist)[..., None], np.sin(twist)[..., None]

    def turned(forward: Array, left: Array, up: Array) -> Array:
        return np.stack([forward * cos - left * sin, forward * sin + left * cos, up], -1)

    across = SHOULDER_HALF_WIDTH * SIDES + 0 * upper
    lifted = 0.024 * np.clip((out - 1.2) / 1.2, 0, 1)  # raised arms raise the shoulders
    shoulder = neck[..., None, :] + turned(0 * across, across, lifted - 0.046)
    elbow = shoulder + UPPER_ARM * turned(*np.moveaxis(_hanging(upper, out), -1, 0))
    fore = turned(*np.moveaxis(_hanging(lower, lower_out), -1, 0))
    wrist = elbow + FOREARM * fore
    hand = wrist + (HAND * (1 - 0.4 * fist))[..., None, None] * fore

    trunk = np.stack([head, head + 0.056 * nose, neck, pelvis], -2)
    pairs = [shoulder, elbow, wrist, *legs[:3], *legs[3:], hand]
    return np.concatenate([trunk, *pairs], -2)


def _hanging(angle: Array, outwards: Array) -> Array:
    """Unit vectors `[..., 2, 3]` that hang down at angle 0, point forward at 90 degrees."""
    return np.stack(
        [
            np.sin(angle) * np.cos(outwards),
            SIDES * np.sin(outwards),
            -np.cos(angle) * np.cos(outwards),
        ],
        -1,
    )


def _standing(forward: Array, left: Array) -> Array:
    """Unit vectors `[..., 3]` that stand up at angles 0."""
    return np.stack(
        [np.sin(forward) * np.cos(left), np.sin(left), np.cos(forward) * np.cos(left)], -1
    )


def _lowest(heights: Array) -> tuple[Array, Array]:
    """The lowest of `[..., n]` heights, softly, and each one's share of the weight."""
    least = heights.min(-1, keepdims=True)
    weight = np.exp((least - heights) / SOLE)
    total = weight.sum(-1, keepdims=True)
    return least[..., 0] + SOLE * (np.log(2) - np.log(total[..., 0])), weight / total


def strides(postures: Array, leg_length: Array) -> Array:
    """How fast the foot on the ground is left behind, by phase.

    A body moves nearly so fast, so that feet slide little: bodies are heavy, and recorded trunks go
    on more evenly than the feet under them.

    Args:
        postures: Of gaits, `[N, PHASES, ANGLES]`.
        leg_length: `[N]`.

    Returns:
        `[N, PHASES]`, body heights a cycle; the mean is the stride.
    """
    joints = skeleton(postures, np.repeat(leg_length[:, None], PHASES, 1))
    soles = joints[:, :, [JOINTS.index(f"{side}_{end}") for side, end in _SOLES]]
    weight = _lowest(soles[..., 2])[1]
    behind = (np.roll(soles, 1, 1) - np.roll(soles, -1, 1))[..., 0] * PHASES / 2
    speed = (behind * weight).sum(-1)
    flying = postures[..., TRUNK.index("hop")] > 1e-9
    grounded = np.sum(np.where(flying, 0, speed), 1) / np.maximum(np.sum(~flying, 1), 1)
    speed = np.where(flying, grounded[:, None], speed)
    # bodies are too heavy to jerk
    frequencies = np.fft.rfftfreq(PHASES) * 2 * np.pi
    smooth = np.fft.irfft(np.fft.rfft(speed) * np.exp(-2.0 * frequencies**2), PHASES)
    mean = smooth.mean(1, keepdims=True)
    return mean + UNEVEN * (smooth - mean)


_SOLES = (("left", "heel"), ("left", "ball"), ("right", "heel"), ("right", "ball"))
