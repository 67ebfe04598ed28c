"""What a person looks like: build, clothes, and the outlines that a pose gives them.

Outlines are polygons on the picture plane in body heights, x to the right and y up from the ground
under the pelvis.
"""

from dataclasses import dataclass

import numpy as np

from videogeneration.sources.people.gait import SIDES, Arm, Array, Leg, Pose

HEADWEAR = ("none", "cap", "hood")
HAIR = ("short", "short", "short", "long", "tail")

# Trunk from the neck (1) to the pelvis (0): height, reach to the front, to the back, to the side.
TRUNK = np.array(
    [
        (1.08, 0.026, 0.036, 0.034),
        (0.96, 0.038, 0.052, 0.068),
        (0.86, 0.056, 0.062, 0.096),
        (0.70, 0.068, 0.066, 0.102),
        (0.45, 0.064, 0.056, 0.090),
        (0.20, 0.060, 0.058, 0.088),
        (0.00, 0.058, 0.068, 0.092),
        (-0.12, 0.052, 0.066, 0.088),
    ]
)
CIRCLE = np.linspace(0, 2 * np.pi, 16, endpoint=False)


@dataclass(frozen=True)
class Person:
    """One subject's build; lengths in shares of the usual, greys from 0 to 255.

    Attributes:
        height: Stature.
        girth: Thickness of trunk and limbs.
        leg_length: Height of the pelvis in body heights.
        head: Size of the head.
        skin: Grey of face and hands.
        hair: Grey of the hair.
        hairstyle: One of `HAIR`.
    """

    height: float
    girth: float
    leg_length: float
    head: float
    skin: float
    hair: float
    hairstyle: str

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Person":
        """Draw a subject."""
        return cls(
            height=float(np.clip(rng.normal(1, 0.05), 0.89, 1.1)),
            girth=float(np.clip(rng.normal(1.16, 0.1), 0.95, 1.4)),
            leg_length=float(rng.uniform(0.495, 0.525)),
            head=float(rng.normal(1, 0.04)),
            skin=float(rng.uniform(82, 128)),
            hair=float(rng.choice([28, 38, 50, 110], p=[0.4, 0.3, 0.2, 0.1])),
            hairstyle=str(rng.choice(HAIR)),
        )


@dataclass(frozen=True)
class Clothes:
    """What a subject wears; greys from 0 to 255, lengths in body heights.

    Attributes:
        top: Grey of shirt, jacket or coat.
        sleeve: Grey of the sleeves.
        trousers: Grey of the trousers.
        shoes: Grey of the shoes.
        bare_arms: Whether the forearms are bare.
        hem: How far the top reaches below the pelvis; more than 0.1 is a coat.
        bulk: How far the top stands off the trunk.
        trouser_width: Width of the trouser legs in shares of the usual.
        headwear: One of `HEADWEAR`.
        band: Grey of a band across the chest, or None.
        bag: Grey of a backpack, or None.
    """

    top: float
    sleeve: float
    trousers: float
    shoes: float
    bare_arms: bool
    hem: float
    bulk: float
    trouser_width: float
    headwear: str
    band: float | None
    bag: float | None

    @classmethod
    def drawn(cls, rng: np.random.Generator, other: bool) -> "Clothes":
        """Draw clothes; `other` clothes (scenario d3) are coats, bags and headwear more often."""
        top = float(
            rng.choice(
                [rng.uniform(30, 70), rng.uniform(62, 88), rng.uniform(165, 205)],
                p=[0.78, 0.14, 0.08],
            )
        )
        trousers = float(
            rng.choice([rng.uniform(26, 56), rng.uniform(50, 90), 205], p=[0.5, 0.4, 0.1])
        )
        coat = rng.random() < (0.6 if other else 0.2)
        return cls(
            top=top,
            sleeve=top if rng.random() < 0.8 else float(rng.uniform(30, 100)),
            trousers=trousers,
            shoes=float(rng.choice([22, 40, 200], p=[0.45, 0.35, 0.2])),
            bare_arms=not coat and rng.random() < 0.15,
            hem=float(rng.uniform(0.1, 0.26)) if coat else float(rng.uniform(0.02, 0.07)),
            bulk=float(rng.uniform(0.012, 0.026)) if coat else float(rng.uniform(0, 0.012)),
            trouser_width=float(rng.uniform(0.92, 1.3)),
            headwear=str(
                rng.choice(HEADWEAR, p=[0.66, 0.25, 0.09] if other else [0.88, 0.1, 0.02])
            ),
            band=float(rng.uniform(150, 230)) if not coat and rng.random() < 0.12 else None,
            bag=float(rng.uniform(30, 80)) if rng.random() < (0.3 if other else 0.0) else None,
        )


@dataclass(frozen=True)
class Part:
    """One polygon of a figure over T frames.

    Attributes:
        outline: Corners `[T, N, 2]`.
        grey: Its grey, 0 to 255.
        layer: What is drawn later, `[T]`: a higher layer covers a lower one.
        inner: Whether it lies within other parts and so adds nothing to the silhouette.
    """

    outline: Array
    grey: float
    layer: Array
    inner: bool = False


class Figure:
    """Dresses poses seen from one side.

    Args:
        person: The build.
        clothes: What is worn.
        heading: Angle of the way, `[T]` radians: 0 is to the right, pi to the left, pi / 2 away.
        tilt: How far up the picture something a body height behind appears, body heights.
        light: The lit side: -1 is the left of the picture, 1 the right.
    """

    def __init__(
        self, person: Person, clothes: Clothes, heading: Array, tilt: float, light: float
    ) -> None:
        self.person, self.clothes, self.tilt, self.light = person, clothes, tilt, light
        self.heading = heading
        self.cos, self.sin = np.cos(heading), np.sin(heading)
        self.parts: list[Part] = []

    def dress(self, pose: Pose) -> list[Part]:
        """Return the parts of a pose, to be drawn by their layers from low to high."""
        self.parts = []
        for side, leg, arm in zip(SIDES, pose.legs, pose.arms, strict=True):
            near = np.where(-side * self.cos > 0, 1.0, 0.0)
            self._leg(leg, 2 + 2 * near, 0.86 + 0.14 * (side < 0))
            # arms before the chest of someone who faces the camera cover it, whichever side
            before = np.where((near > 0) | (self.sin < -0.9), 10.0, 0.0)
            self._arm(arm, before, 0.86 + 0.14 * (side < 0))
        self._trunk(pose)
        self._head(pose)
        return self.parts

    def _seen(self, joint: Array) -> Array:
        return projected(joint, self.heading, self.tilt)

    def _add(self, outline: Array, grey: float, layer: Array | float, inner: bool = False) -> None:
        self.parts.append(Part(outline, grey, np.broadcast_to(layer, outline.shape[:1]), inner))

    def _limb(
        self, ends: tuple[Array, Array], radii: tuple[float, float], grey: float, layer: Array
    ) -> None:
        """A tapered limb with a lighter stripe on its lit side."""
        start, end = self._seen(ends[0]), self._seen(ends[1])
        self._add(_capsule(start, end, *radii), grey * 0.95, layer)
        lit = np.array([0.3 * self.light * min(radii), 0.0])
        stripe = _capsule(start + lit, end + lit, radii[0] * 0.5, radii[1] * 0.5)
        self._add(stripe, grey * 1.1, layer, inner=True)

    def _leg(self, leg: Leg, layer: Array, shade: float) -> None:
        girth, wide = self.person.girth, self.clothes.trouser_width
        self._shoe(leg, layer, shade)
        grey = self.clothes.trousers * shade
        top = leg.hip - 0.02 * (leg.hip - leg.knee)
        hem = leg.ankle + 0.12 * (leg.knee - leg.ankle)
        self._limb((leg.knee, hem), (0.039 * girth * wide, 0.034 * wide), grey, layer + 0.1)
        self._limb((top, leg.knee), (0.06 * girth, 0.04 * girth * wide), grey, layer + 0.2)

    def _shoe(self, leg: Leg, layer: Array, shade: float) -> None:
        heel, ball, toe = (self._seen(joint) for joint in (leg.heel, leg.ball, leg.toe))
        ankle = self._seen(leg.ankle)
        across = np.stack([np.abs(self.sin), 0 * self.sin], -1) * 0.028
        instep = 0.45 * ankle + 0.55 * ball + np.array([0.0, 0.022])
        tip = toe + np.array([0.0, 0.022])
        outline = [heel - across, ball - across, toe - across, tip, instep + across, ankle + across]
        back = ankle + 0.45 * (ankle - instep) * [1.0, 0.0]
        outline += [back - across]
        self._add(np.stack(outline, 1), self.clothes.shoes * shade, layer)
        sole = np.stack(
            [
                heel,
                ball,
                toe,
                toe + np.array([0, 0.008]),
                ball + np.array([0, 0.01]),
                heel + np.array([0, 0.01]),
            ],
            1,
        )
        self._add(sole, self.clothes.shoes * shade * 0.6, layer, inner=True)

    def _arm(self, arm: Arm, layer: Array, shade: float) -> None:
        girth, bulk = self.person.girth, self.clothes.bulk * 0.5
        grey = self.clothes.sleeve * shade
        skin = self.person.skin * shade
        fore = skin if self.clothes.bare_arms else grey
        # a hand is a short mitten: fingers are under a pixel
        self._limb((arm.wrist, arm.hand), (0.017, 0.016), skin, layer)
        radius = 0.031 * girth + bulk
        self._limb((arm.elbow, arm.wrist), (radius * 0.95, 0.024 + bulk), fore, layer + 0.1)
        self._limb((arm.shoulder, arm.elbow), (radius * 1.1, radius), grey, layer + 0.2)

    def _reach(self, front: Array, back: Array, side: Array) -> tuple[Array, Array]:
        """How far slices `[N]` of the trunk reach to the left and right, `[T, N]` each."""
        cos, sin = self.cos[:, None], self.sin[:, None]
        right = np.hypot(np.where(cos > 0, front, back) * cos, side * sin)
        left = np.hypot(np.where(cos > 0, back, front) * cos, side * sin)
        return left, right

    def _trunk(self, pose: Pose) -> None:
        clothes, girth = self.clothes, self.person.girth
        rows = TRUNK[:, 0]
        pelvis, neck = self._seen(pose.pelvis)[:, None], self._seen(pose.neck)[:, None]
        axis = pelvis + rows[:, None] * (neck - pelvis)
        reach = TRUNK[:, 1:] * (1 + (girth - 1) * np.clip(1.4 - rows, 0.2, 1.4)[:, None])
        left, right = self._reach(*(reach + clothes.bulk * (rows < 0.95)[:, None]).T)
        left_edge = np.stack([axis[..., 0] - left, axis[..., 1]], -1)
        right_edge = np.stack([axis[..., 0] + right, axis[..., 1]], -1)
        skirt = self._hem(pose, left_edge[:, -1], right_edge[:, -1])
        outline = np.concatenate([left_edge, skirt, right_edge[:, ::-1]], 1)
        self._add(outline, clothes.top * 0.92, 6.0)
        lit = axis[..., 0] + self.light * 0.25 * (left + right) / 2
        lit_edges = [
            np.stack([lit + sign * 0.42 * (left + right) / 2, axis[..., 1]], -1)[:, 1:-1]
            for sign in (-1, 1)
        ]
        self._add(
            np.concatenate([lit_edges[0], lit_edges[1][:, ::-1]], 1),
            clothes.top * 1.06,
            6.1,
            inner=True,
        )
        if clothes.band is not None:
            band = [left_edge[:, 3], right_edge[:, 3]]
            band += [
                edge * 0.8 + other * 0.2
                for edge, other in (
                    (right_edge[:, 3], right_edge[:, 4]),
                    (left_edge[:, 3], left_edge[:, 4]),
                )
            ]
            self._add(np.stack(band, 1), clothes.band, 6.2, inner=True)
        if clothes.bag is not None:
            behind = np.array([-0.088 - clothes.bulk, 0.0, -0.15])
            middle = self._seen(pose.neck + behind)
            width = 0.045 * np.abs(self.cos) + 0.08 * np.abs(self.sin)
            self._add(_ellipse(middle, width, 0.105), clothes.bag, np.where(self.sin > 0, 7.0, 1.9))

    def _hem(self, pose: Pose, left: Array, right: Array) -> Array:
        """Lower edge of the top: straight when short, pushed out by the thighs when long."""
        slack = 0.056 * self.person.girth + self.clothes.bulk
        pelvis = self._seen(pose.pelvis)
        legs = [(self._seen(leg.hip)[:, 0], self._seen(leg.knee)[:, 0]) for leg in pose.legs]
        left_side, right_side = [], []
        for drop in np.linspace(0.33, 1, 3) * (self.clothes.hem + 0.03):
            share = min(drop / 0.22, 1.1)
            thighs = [hip + share * (knee - hip) for hip, knee in legs]
            low = pelvis[:, 1] - max(drop, 0.042)
            left_side.append(
                np.stack([np.minimum(left[:, 0] + 0.006, np.minimum(*thighs) - slack), low], -1)
            )
            right_side.append(
                np.stack([np.maximum(right[:, 0] - 0.006, np.maximum(*thighs) + slack), low], -1)
            )
        return np.stack(left_side + right_side[::-1], 1)

    def _head(self, pose: Pose) -> None:
        person, wears = self.person, self.clothes.headwear
        size = person.head
        head, neck = self._seen(pose.head), self._seen(pose.neck)
        self._add(_capsule(neck, head, 0.033 * size, 0.035 * size), person.skin * 0.8, 5.0)
        depth = np.hypot(0.051 * self.cos, 0.044 * self.sin) * size
        self._add(_ellipse(head, depth, 0.064 * size), person.skin, 8.0)
        # hair covers the back of the head, whichever side of it is seen
        away, towards = np.maximum(self.sin, 0), np.maximum(-self.sin, 0)
        back = np.stack([-0.026 * self.cos, 0.017 + 0.024 * towards - 0.012 * away], -1)
        hair = min(person.hair, 40.0) if wears == "cap" else person.hair
        self._add(_ellipse(head + back, depth * (0.84 + 0.12 * away), 0.05 * size), hair, 8.2)
        if wears == "cap":
            self._add(_ellipse(head + np.array([0.0, 0.03]), depth * 1.08, 0.037 * size), hair, 8.3)
        elif wears == "hood":
            hood = head + back * [0.9, 0.4]
            self._add(_ellipse(hood, depth * 0.98, 0.066 * size), self.clothes.top * 0.9, 8.3)
        elif person.hairstyle == "long":
            behind = self._seen(pose.head + np.array([-0.034, 0.0, -0.05]))
            self._add(_ellipse(behind, depth * 0.72, 0.085), hair, np.where(away > 0.3, 8.3, 7.9))
        elif person.hairstyle == "tail":
            root = self._seen(pose.head + np.array([-0.062, 0.0, 0.012]))
            tip = self._seen(pose.neck + np.array([-0.075, 0.0, -0.01]))
            self._add(_capsule(root, tip, 0.022, 0.015), hair, np.where(away > 0.3, 8.3, 7.9))


def projected(joints: Array, heading: Array, tilt: float) -> Array:
    """Project body coordinates `[..., 3]` onto the picture plane, `[..., 2]` body heights.

    Args:
        joints: (forward, left, up).
        heading: See `Figure`; of a shape that broadcasts to that of the joints.
        tilt: See `Figure`.
    """
    forward, left, up = joints[..., 0], joints[..., 1], joints[..., 2]
    cos, sin = np.cos(heading), np.sin(heading)
    return np.stack([forward * cos - left * sin, up + tilt * (forward * sin + left * cos)], -1)


def _capsule(start: Array, end: Array, start_radius: float, end_radius: float) -> Array:
    """Outline `[T, 14, 2]` of two discs and what lies between them."""
    along = end - start
    angle = np.arctan2(along[:, 1], along[:, 0])[:, None]
    turn = np.linspace(np.pi / 2, 3 * np.pi / 2, 7)
    first = np.stack([np.cos(angle + turn), np.sin(angle + turn)], -1) * start_radius
    last = np.stack([np.cos(angle + turn + np.pi), np.sin(angle + turn + np.pi)], -1) * end_radius
    return np.concatenate([start[:, None] + first, end[:, None] + last], 1)


def _ellipse(centre: Array, width: Array, height: float) -> Array:
    """Outline `[T, 16, 2]` of an upright ellipse with half axes `[T]` and `height`."""
    x = centre[:, :1] + width[:, None] * np.cos(CIRCLE)
    y = centre[:, 1:] + height * np.sin(CIRCLE)
    return np.stack([x, y], -1)
