"""Who does what, when and which way: an act, or one act that another one follows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from videogeneration.sources.people.acts import (
    ACTIONS,
    GAITS,
    PHASES,
    STANDING,
    TRAVELLING,
    Act,
    Array,
    Gait,
    gesture,
    going,
    skeleton,
    strides,
)

SCENARIOS = ("d1", "d2", "d3", "d4")
INDOOR_PACE = {"walking": 0.8, "jogging": 0.72, "running": 0.67}
"""A room is short, people slow down there: walkers as read from twenty recorded people, runners
from one; joggers, of whom no recording was at hand, lie between."""
FINE = 25
"""Least number of steps a second in which ways are added up."""


@dataclass(frozen=True)
class Plan:
    """What one person does in one film.

    Attributes:
        leg_length: Height of the pelvis when standing, body heights.
        acts: What is done first and then; the same twice where nothing changes.
        headings: Where the body faces in either act, radians, see `Labels.heading`; the turn goes
            the way of their difference.
        phases: Phase of the first act in frame 0, and of the second one where it begins; None for
            the second where one gait goes over into another.
        begins: When the second act begins, seconds; infinite where there is none.
        lasts: How long the change takes, seconds.
    """

    leg_length: float
    acts: tuple[Act, Act]
    headings: tuple[float, float]
    phases: tuple[float, float | None]
    begins: float = np.inf
    lasts: float = 1.0


@dataclass(frozen=True)
class Performance:
    """What N people do over T frames; see `Labels` for the last four.

    Attributes:
        joints: `[N, T, joints, 3]`, see `skeleton`.
        across: Way made to the right since frame 0, body heights, `[N, T]`.
        depth: Way made away from the camera since frame 0, body heights, `[N, T]`.
        heading: `[N, T]`.
        phase: `[N, T]`.
        action: Index into `ACTIONS`, `[N, T]`.
        direction: `[N, T]`.
    """

    joints: Array
    across: Array
    depth: Array
    heading: Array
    phase: Array
    action: NDArray[np.int64]
    direction: NDArray[np.int64]

    def part(self, frames: slice) -> "Performance":
        """Some of the frames."""
        return Performance(**{name: value[:, frames] for name, value in vars(self).items()})


def perform(plans: Sequence[Plan], frames: int, fps: float) -> Performance:
    """Carry N plans out, all at once, for so many frames."""
    tables = np.stack([[act.postures for act in plan.acts] for plan in plans])
    leg_length = np.array([plan.leg_length for plan in plans])
    tempo, sway = (
        np.array([[getattr(act, name) for act in plan.acts] for plan in plans])
        for name in ("tempo", "sway")
    )
    actions = np.array([[ACTIONS.index(act.action) for act in plan.acts] for plan in plans])
    travels = actions < len(TRAVELLING)
    speeds = _speeds(tables, leg_length, travels)
    rates = np.where(travels, tempo / np.maximum(speeds.mean(-1), 1e-3), tempo)

    fine = max(1, int(np.ceil(FINE / fps)))
    seconds = np.arange((frames - 1) * fine + 1) / (fps * fine)
    begins, lasts = (np.array([[getattr(p, name)] for p in plans]) for name in ("begins", "lasts"))
    since = seconds - begins
    changed = np.clip(since / lasts, 0, 1)
    changed = changed**2 * (3 - 2 * changed)
    headings = np.array([plan.headings for plan in plans])
    turn = headings[:, 1:] - headings[:, :1]
    heading = headings[:, :1] + turn * changed
    # who turns round on the way nearly stops
    pause = np.where(travels.all(1, keepdims=True), 0.65 * np.abs(turn) / np.pi, 0.0)
    pause = pause * np.sin(np.pi * changed)
    weights = np.stack([(1 - changed) * (1 - pause), changed * (1 - pause)], 1)

    phase = _phases(plans, rates, sway, seconds, begins)
    index = np.arange(len(plans))[:, None, None], np.arange(2)[:, None]
    pace = (weights * (speeds * rates[..., None])[(*index, _slots(phase)[0])]).sum(1)
    steps = pace * np.stack([np.cos(heading), np.sin(heading)]) / (fps * fine)
    ways = np.cumsum(steps[..., :-1], -1)
    across, depth = np.concatenate([np.zeros((2, len(plans), 1)), ways], -1)[..., ::fine]

    heading, phase, weights = heading[:, ::fine], phase[..., ::fine], weights[..., ::fine]
    lower, upper, share = _slots(phase)
    postures = (1 - share)[..., None] * tables[(*index, lower)]
    postures += share[..., None] * tables[(*index, upper)]
    posture = (weights[..., None] * postures).sum(1)
    posture += (1 - weights.sum(1))[..., None] * STANDING
    second = (since[:, ::fine] >= 0).astype(int)
    towards = np.sign(np.cos(headings)).astype(int) * travels
    return Performance(
        joints=skeleton(posture, np.broadcast_to(leg_length[:, None], second.shape)),
        across=across,
        depth=depth,
        heading=heading,
        phase=np.take_along_axis(phase, second[:, None], 1)[:, 0],
        action=np.take_along_axis(actions, second, 1),
        direction=np.take_along_axis(towards, second, 1),
    )


def _speeds(tables: Array, leg_length: Array, travels: NDArray[np.bool_]) -> Array:
    """Body heights a cycle by phase, `[N, 2, PHASES]`; 0 for gestures."""
    speeds = np.zeros(tables.shape[:3])
    if travels.any():
        speeds[travels] = strides(tables[travels], np.repeat(leg_length[:, None], 2, 1)[travels])
    return speeds


def _phases(
    plans: Sequence[Plan], rates: Array, sway: Array, seconds: Array, begins: Array
) -> Array:
    """Phases of both acts, `[N, 2, fine frames]`."""
    start = np.array([plan.phases[0] for plan in plans])[:, None]
    known = np.array([[np.nan if p.phases[1] is None else p.phases[1]] for p in plans])
    begins = np.where(np.isfinite(begins), begins, 0.0)
    then = np.where(np.isnan(known), start + rates[:, :1] * begins, known)
    phase = np.stack([start + rates[:, :1] * seconds, then + rates[:, 1:] * (seconds - begins)], 1)
    return phase + sway[..., None] * np.sin(2 * np.pi * (0.23 * phase + start[:, None]))


def _slots(phase: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    """The two rows of a table between which a phase lies, and how far."""
    place = phase % 1 * PHASES
    lower = place.astype(int) % PHASES
    return lower, (lower + 1) % PHASES, place - np.floor(place)


def habits(
    rng: np.random.Generator, actions: Collection[str | None] = TRAVELLING
) -> dict[str, Gait]:
    """How one person walks, jogs and runs, or those of the three that are asked for."""
    return {action: gait.varied(rng) for action, gait in GAITS.items() if action in actions}


def draw_act(
    action: str, gaits: Mapping[str, Gait], scenario: str, rng: np.random.Generator
) -> Act:
    """How a person with these gaits does something this time."""
    if action not in TRAVELLING:
        return gesture(action, rng)
    pace = INDOOR_PACE[action] if scenario == "d4" else 1.0
    return going(action, gaits[action], gaits[action].speed * rng.normal(1, 0.05) * pace)


def draw_plan(
    actions: tuple[str, str | None],
    sides: tuple[float, float],
    gaits: Mapping[str, Gait],
    leg_length: float,
    scenario: str,
    rng: np.random.Generator,
) -> Plan:
    """Plan what somebody does.

    Args:
        actions: What is done first, and what then, or None where nothing changes.
        sides: -1 for left, 1 for right, in either act: where the person goes, or looks when boxing.
        gaits: How the person goes, see `habits`.
        leg_length: See `Plan`.
        scenario: `d2` is at a slant.
        rng: What the details are drawn from.

    Returns:
        The plan; a change begins after 0 seconds.
    """
    slant = float(rng.uniform(0.5, 0.95) * rng.choice([-1, 1])) if scenario == "d2" else 0.0
    line = slant + rng.normal(0, 0.06)
    first = draw_act(actions[0], gaits, scenario, rng)
    heading = _heading(actions[0], sides[0], line, rng)
    phase = rng.random() + rng.integers(0, 8)
    if actions[1] is None:
        return Plan(leg_length, (first, first), (heading, heading), (phase, phase))
    then = draw_act(actions[1], gaits, scenario, rng)
    turn = _heading(actions[1], sides[1], line, rng) - heading
    turn = (turn + np.pi) % (2 * np.pi) - np.pi
    round_ = abs(turn) > 2.6
    if round_ and rng.random() < 0.5:
        turn -= 2 * np.pi * np.sign(turn)
    both = set(actions) <= set(TRAVELLING)
    return Plan(
        leg_length,
        (first, then),
        (heading, heading + turn),
        (phase, None if both else float(rng.random() * 0.1)),
        begins=0.0,
        lasts=float(rng.uniform(0.6, 1.1) if round_ else rng.uniform(0.35, 0.8)),
    )


def _heading(action: str, side: float, line: float, rng: np.random.Generator) -> float:
    """Where somebody faces: along the line, to the side, or to the camera."""
    if action in TRAVELLING:
        return line if side > 0 else line + np.pi
    if action == "boxing":  # a little to the camera
        towards = rng.normal(0.12, 0.15)
        return -towards if side > 0 else np.pi + towards
    return -np.pi / 2 + rng.normal(0, 0.12)
