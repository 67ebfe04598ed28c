"""What a person looks like: build, clothes, and the outlines that a pose gives them.

Outlines are polygons on the picture plane in body heights, x to the right and y up from the ground
under the pelvis.
"""

from dataclasses import dataclass

import numpy as np

from videogeneration.sources.people.acts import JOINTS, Array

HEADWEAR = ("none", "cap", "beanie", "hood")
HAIR = ("short", "short", "short", "long", "tail")

# Trunk from the neck (1) to the pelvis (0): height, reach to the front, to the back, to the side.
TRUNK = np.array(
    [
        (1.03, 0.03, 0.036, 0.042),
        (0.975, 0.038, 0.05, 0.082),
        (0.92, 0.046, 0.058, 0.108),
        (0.82, 0.058, 0.064, 0.112),
        (0.62, 0.07, 0.066, 0.104),
        (0.42, 0.065, 0.056, 0.09),
        (0.20, 0.060, 0.058, 0.088),
        (0.00, 0.058, 0.068, 0.092),
        (-0.07, 0.054, 0.066, 0.09),
    ]
)
CIRCLE = np.linspace(0, 2 * np.pi, 16, endpoint=False)

ANY_GREY = 1 / 3
"""Share of people whose clothes have any grey, so that networks learn more than dark coats."""


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
        beard: Whether there is one.
    """

    height: float
    girth: float
    leg_length: float
    head: float
    skin: float
    hair: float
    hairstyle: str
    beard: bool

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Person":
        """Draw a subject."""
        return cls(
            height=float(np.clip(rng.normal(1, 0.05), 0.89, 1.1)),
            girth=float(np.clip(rng.normal(1.1, 0.11), 0.88, 1.4)),
            leg_length=float(rng.uniform(0.495, 0.525)),
            head=float(rng.normal(1.02, 0.05)),
            skin=float(rng.uniform(95, 185)),
            hair=float(rng.choice([rng.uniform(22, 60), rng.uniform(80, 175)], p=[0.72, 0.28])),
            hairstyle=str(rng.choice(HAIR)),
            beard=bool(rng.random() < 0.12),
        )


@dataclass(frozen=True)
class Clothes:
    """What a subject wears; greys from 0 to 255, lengths in body heights.

    Attributes:
        top: Grey of shirt, jacket or coat.
        sleeve: Grey of the sleeves.
        trousers: Grey of the trousers.
        shoes: Grey of the shoes.
        hat: Grey of cap or beanie.
        bare_arms: Whether the forearms are bare.
        bare_legs: Whether the shanks are bare.
        collar: Whether the neck is covered.
        hem: How far the top reaches below the pelvis; more than 0.1 is a coat.
        bulk: How far the top stands off the trunk.
        trouser_width: Width of the trouser legs in shares of the usual.
        headwear: One of `HEADWEAR`.
        band: Grey of a band across the chest, or None.
        opening: Grey of what an open jacket or its zip shows, or None.
        opening_width: Width of the opening in shares of the trunk's.
        bag: Grey of a backpack, or None.
    """

    top: float
    sleeve: float
    trousers: float
    shoes: float
    hat: float
    bare_arms: bool
    bare_legs: bool
    collar: bool
    hem: float
    bulk: float
    trouser_width: float
    headwear: str
    band: float | None
    opening: float | None
    opening_width: float
    bag: float | None

    @classmethod
    def drawn(cls, rng: np.random.Generator, other: bool) -> "Clothes":
        """Draw clothes: of any grey, or such as those of the recordings, mostly dark.

        Args:
            rng: What they are drawn from.
            other: The clothes of scenario d3: coats, bags and headwear more often.
        """

        def grey(usual: float) -> float:
            return float(rng.uniform(15, 215) if free else usual)

        free = rng.random() < ANY_GREY
        top = grey(
            rng.choice(
                [rng.uniform(26, 62), rng.uniform(60, 100), rng.uniform(165, 205)],
                p=[0.7, 0.18, 0.12],
            )
        )
        trousers = grey(
            rng.choice([rng.uniform(24, 56), rng.uniform(50, 110), 200], p=[0.5, 0.4, 0.1])
        )
        coat = rng.random() < (0.6 if other else 0.2)
        inside = float(rng.choice([rng.uniform(20, 60), rng.uniform(90, 220)]))
        return cls(
            top=top,
            sleeve=top if rng.random() < 0.82 else grey(rng.uniform(30, 100)),
            trousers=trousers,
            shoes=float(rng.choice([24, 45, 190], p=[0.45, 0.3, 0.25])),
            hat=float(rng.uniform(20, 160)),
            bare_arms=not coat and rng.random() < 0.2,
            bare_legs=bool(rng.random() < 0.05),
            collar=bool(rng.random() < 0.45),
            hem=float(rng.uniform(0.1, 0.28)) if coat else float(rng.uniform(0.0, 0.06)),
            bulk=float(rng.uniform(0.012, 0.026)) if coat else float(rng.uniform(0, 0.012)),
            trouser_width=float(rng.uniform(0.85, 1.3)),
            headwear=str(
                rng.choice(
                    HEADWEAR, p=[0.58, 0.16, 0.16, 0.1] if other else [0.86, 0.06, 0.06, 0.02]
                )
            ),
            band=float(rng.uniform(120, 230)) if not coat and rng.random() < 0.14 else None,
            opening=inside if rng.random() < (0.55 if coat else 0.15) else None,
            opening_width=float(rng.choice([0.06, rng.uniform(0.15, 0.45)])),
            bag=float(rng.uniform(25, 110)) if rng.random() < (0.3 if other else 0.03) else None,
        )


@dataclass(frozen=True)
class Part:
    """One polygon of a figure over T frames.

    Attributes:
        outline: Corners `[T, N, 2]`.
        grey: Its grey, 0 to 255.
        layer: What is drawn later, `[T]`: a higher layer covers a lower one; below 0 is not drawn.
        convex: Whether the polygon is convex.
    """

    outline: Array
    grey: float
    layer: Array
    convex: bool = True


class Figure:
    """Dresses the skeletons of one film.

    Args:
        person: The build.
        clothes: What is worn.
        joints: `[T, joints, 3]`, see `acts.skeleton`.
        heading: See `Labels.heading`, `[T]`.
        tilt: How far up the picture something a body height behind appears, body heights.
        light: The lit side: -1 is the left of the picture, 1 the right.
    """

    def __init__(
        self,
        person: Person,
        clothes: Clothes,
        joints: Array,
        heading: Array,
        tilt: float,
        light: float,
    ) -> None:
        self.person, self.clothes, self.light = person, clothes, light
        self._joints, self._heading, self._tilt = joints, heading, tilt
        self._plane = projected(joints, heading[:, None], tilt)
        # how far each joint is behind the middle of the body
        forward, left = joints[..., 0], joints[..., 1]
        self._away = forward * np.sin(heading)[:, None] + left * np.cos(heading)[:, None]
        shoulders = self._three("left_shoulder") - self._three("right_shoulder")
        chest = heading - np.arctan2(shoulders[:, 0], shoulders[:, 1])
        gaze = self._three("nose") - self._three("head")
        self._face = heading + np.arctan2(gaze[:, 1], gaze[:, 0])
        self._chest_cos, self._chest_sin = np.cos(chest), np.sin(chest)
        self._parts: list[Part] = []
        self._capsules: list[tuple[Array, Array, float, float, float, Array]] = []

    def parts(self) -> list[Part]:
        """The parts, to be drawn by their layers from low to high."""
        self._parts, self._capsules = [], []
        for side, shade in (("left", 0.88), ("right", 1.0)):
            self._leg(side, shade)
            self._arm(side, shade)
        self._trunk()
        self._head()
        starts, ends = (np.stack([capsule[i] for capsule in self._capsules]) for i in (0, 1))
        radii = np.array([capsule[2:4] for capsule in self._capsules])
        outlines = _capsules(starts, ends, radii)
        return self._parts + [
            Part(outline, grey, layer)
            for outline, (*_, grey, layer) in zip(outlines, self._capsules, strict=True)
        ]

    def _three(self, name: str) -> Array:
        return self._joints[:, JOINTS.index(name)]

    def _seen(self, name: str) -> Array:
        return self._plane[:, JOINTS.index(name)]

    def _beside(self, name: str, offset: tuple[float, float, float]) -> Array:
        """Where a point near a joint is seen, `[T, 2]`; the offset is (forward, left, up)."""
        return projected(self._three(name) + np.array(offset), self._heading, self._tilt)

    def _add(self, outline: Array, grey: float, layer: Array | float, convex: bool = True) -> None:
        self._parts.append(Part(outline, grey, np.broadcast_to(layer, outline.shape[:1]), convex))

    def _capsule(
        self,
        start: Array,
        end: Array,
        radii: tuple[float, float],
        grey: float,
        layer: Array | float,
    ) -> None:
        """A tapered limb between two points `[T, 2]`."""
        self._capsules.append((start, end, *radii, grey, np.broadcast_to(layer, start.shape[:1])))

    def _limb(
        self, start: Array, end: Array, radii: tuple[float, float], grey: float, layer: Array
    ) -> None:
        """A limb with a lighter stripe on its lit side."""
        self._capsule(start, end, radii, grey * 0.94, layer)
        lit = np.array([0.3 * self.light * min(radii), 0.0])
        half = radii[0] * 0.5, radii[1] * 0.5
        self._capsule(start + lit, end + lit, half, grey * 1.1, layer + 0.01)

    def _leg(self, side: str, shade: float) -> None:
        girth, wide = self.person.girth, self.clothes.trouser_width
        hip, knee, ankle, heel, ball, toe = (
            self._seen(f"{side}_{name}") for name in ("hip", "knee", "ankle", "heel", "ball", "toe")
        )
        away = self._away[:, [JOINTS.index(f"{side}_{name}") for name in ("hip", "knee")]]
        layer = 3.0 - np.clip(away.sum(1) * 8, -1, 1)
        up, shoe = np.array([0.0, 0.02]), self.clothes.shoes * shade
        self._capsule(heel + up, ankle, (0.019, 0.026), shoe, layer)
        self._capsule(heel + up, ball + up, (0.018, 0.019), shoe, layer + 0.01)
        self._capsule(ball + up, toe + up * 0.7, (0.019, 0.012), shoe, layer + 0.02)
        self._capsule(heel, toe, (0.007, 0.006), shoe * 0.6, layer + 0.03)
        grey = self.clothes.trousers * shade
        below = self.person.skin * shade if self.clothes.bare_legs else grey
        hem = ankle + 0.1 * (knee - ankle)
        shank = (
            (0.04 * girth, 0.03) if self.clothes.bare_legs else (0.041 * girth * wide, 0.036 * wide)
        )
        self._limb(knee, hem, shank, below, layer + 0.1)
        self._limb(
            hip - 0.02 * (hip - knee), knee, (0.06 * girth, 0.042 * girth * wide), grey, layer + 0.2
        )
        if self.clothes.bare_legs:
            self._capsule(hip, knee, (0.06 * girth, 0.048 * girth * wide), grey, layer + 0.15)

    def _arm(self, side: str, shade: float) -> None:
        girth, bulk = self.person.girth, self.clothes.bulk * 0.5
        shoulder, elbow, wrist, hand = (
            self._seen(f"{side}_{name}") for name in ("shoulder", "elbow", "wrist", "hand")
        )
        # an arm covers the trunk when it is nearer to the camera
        forearm = [JOINTS.index(f"{side}_{name}") for name in ("elbow", "wrist")]
        away = self._away[:, forearm].mean(1)
        layer = np.where(away < -0.005, 10.0, 0.5) - np.clip(away, -0.4, 0.4)
        sleeve = self.clothes.sleeve * shade
        skin = self.person.skin * shade
        along = hand - wrist
        size = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
        thumb = along[:, ::-1] * np.array([-1.0, 1.0]) / size * 0.026
        thumb *= np.sign(thumb[:, 1:] + 1e-9)  # thumbs point up
        self._capsule(wrist, hand, (0.019, 0.024), skin, layer + 0.02)
        self._capsule(
            wrist + 0.4 * along, wrist + 0.9 * along + thumb, (0.01, 0.008), skin, layer + 0.03
        )
        radius = 0.027 * girth + bulk
        cuff = (radius, 0.021 + bulk) if not self.clothes.bare_arms else (0.03 * girth, 0.022)
        fore = skin if self.clothes.bare_arms else sleeve
        self._limb(elbow, wrist, cuff, fore, layer + 0.1)
        self._limb(shoulder, elbow, (radius * 1.12, radius * 1.02), sleeve, layer + 0.2)

    def _reach(self, front: Array, back: Array, side: Array) -> tuple[Array, Array]:
        """How far slices `[N]` of the trunk reach to the left and right, `[T, N]` each."""
        cos, sin = self._chest_cos[:, None], self._chest_sin[:, None]
        right = np.hypot(np.where(cos > 0, front, back) * cos, side * sin)
        left = np.hypot(np.where(cos > 0, back, front) * cos, side * sin)
        return left, right

    def _trunk(self) -> None:
        clothes, girth = self.clothes, self.person.girth
        rows = TRUNK[:, 0]
        pelvis, neck = self._seen("pelvis")[:, None], self._seen("neck")[:, None]
        axis = pelvis + rows[:, None] * (neck - pelvis)
        reach = TRUNK[:, 1:] * (1 + (girth - 1) * np.clip(1.4 - rows, 0.2, 1.4)[:, None])
        left, right = self._reach(*(reach + clothes.bulk * (rows < 0.95)[:, None]).T)
        left_edge = np.stack([axis[..., 0] - left, axis[..., 1]], -1)
        right_edge = np.stack([axis[..., 0] + right, axis[..., 1]], -1)
        skirt = self._hem(left_edge[:, -1], right_edge[:, -1])
        outline = np.concatenate([left_edge, skirt, right_edge[:, ::-1]], 1)
        self._add(outline, clothes.top * 0.92, 6.0, convex=False)
        middle, half = axis[..., 0], (left + right) / 2

        def strip(start: Array | float, end: Array | float, rows_: slice) -> Array:
            """A part of the trunk's width, -1 to 1, over some of its rows."""
            edges = [
                np.stack([middle + (right - left) / 2 + at * half, axis[..., 1]], -1)[:, rows_]
                for at in (start, end)
            ]
            return np.concatenate([edges[0], edges[1][:, ::-1]], 1)

        lit = strip(self.light * 0.25 - 0.42, self.light * 0.25 + 0.42, slice(2, -1))
        self._add(lit, clothes.top * 1.06, 6.1, convex=False)
        front = -self._chest_sin[:, None]  # how much of the front is seen
        if clothes.opening is not None:  # an open jacket, or a zip
            at = np.clip(self._chest_cos[:, None] * 0.75, -0.9, 0.9)
            width = clothes.opening_width * np.clip(front, 0.0, 1.0)
            inside = strip(at - width, at + width, slice(1, None))
            layer = np.where(front[:, 0] > 0.25, 6.2, -1.0)
            self._add(inside, clothes.opening, layer, convex=False)
        if clothes.band is not None:
            self._add(strip(-1, 1, slice(4, 6)), clothes.band, 6.3, convex=False)
        if clothes.bag is not None:
            self._bag(clothes.bag)

    def _bag(self, grey: float) -> None:
        """A backpack: behind the back, and its straps before the shoulders."""
        sin = np.sin(self._heading)
        layer = np.where(sin > 0, 7.0, 1.9)
        top, low = (
            self._beside("neck", (-0.1 - self.clothes.bulk, 0.0, up)) for up in (-0.09, -0.21)
        )
        across = np.stack([0.045 * sin, 0 * sin], -1)
        for sign in (-1, 1):
            self._capsule(top + sign * across, low + sign * across, (0.045, 0.055), grey, layer)
        pocket = low + np.array([0.0, 0.02])
        self._capsule(pocket - across, pocket + across, (0.03, 0.03), grey * 1.2, layer + 0.01)
        for side in ("left", "right"):
            top = self._beside(f"{side}_shoulder", (0.03, 0.0, 0.035))
            low = self._beside(f"{side}_shoulder", (0.055, 0.0, -0.17))
            inner = (self._seen("neck") - self._seen(f"{side}_shoulder"))[:, :1] * [0.35, 0.0]
            self._capsule(
                top + inner, low + inner, (0.012, 0.012), grey, np.where(sin < 0.3, 6.5, -1)
            )

    def _hem(self, left: Array, right: Array) -> Array:
        """Lower edge of the top: straight when short, pushed out by the thighs when long."""
        slack = 0.054 * self.person.girth + self.clothes.bulk
        pelvis = self._seen("pelvis")
        legs = [
            (self._seen(f"{side}_hip")[:, 0], self._seen(f"{side}_knee")[:, 0])
            for side in ("left", "right")
        ]
        left_side, right_side = [], []
        for drop in np.linspace(0.33, 1, 3) * (self.clothes.hem + 0.03):
            share = min(drop / 0.22, 1.1)
            thighs = [hip + share * (knee - hip) for hip, knee in legs]
            low = pelvis[:, 1] - max(drop, 0.028)
            left_side.append(
                np.stack([np.minimum(left[:, 0] + 0.006, np.minimum(*thighs) - slack), low], -1)
            )
            right_side.append(
                np.stack([np.maximum(right[:, 0] - 0.006, np.maximum(*thighs) + slack), low], -1)
            )
        return np.stack(left_side + right_side[::-1], 1)

    def _head(self) -> None:
        person, clothes = self.person, self.clothes
        wears, size = clothes.headwear, person.head
        head, neck = self._seen("head"), self._seen("neck")
        cos, sin = np.cos(self._face), np.sin(self._face)
        from_behind = sin > 0.4

        def at(forward: float, left: float, up: float) -> Array:
            """A point of the head, which turns with the gaze."""
            across = (forward * cos - left * sin) * size
            return head + np.stack([across, up * size + self._tilt * forward * sin], -1)

        def ellipse(
            centre: tuple[float, float, float],
            reach: tuple[float, float],
            height: float,
            grey: float,
            layer: Array | float,
        ) -> None:
            """A round part of the head; it reaches so far forward and to the sides."""
            width = np.hypot(reach[0] * cos, reach[1] * sin) * size
            self._add(_ellipse(at(*centre), width, height), grey, layer)

        collar = clothes.top * 0.85 if clothes.collar else person.skin * 0.8
        self._capsule(neck - [0, 0.02], neck * 0.5 + head * 0.5, (0.04, 0.033 * size), collar, 6.4)
        self._capsule(neck, head, (0.031 * size, 0.033 * size), person.skin * 0.8, 5.0)
        hair = person.hair
        hair_layer = np.where(from_behind, 8.5, 8.0)
        ellipse((-0.014, 0, 0.012), (0.052, 0.047), 0.054 * size, hair, hair_layer)
        ellipse((-0.02, 0, -0.015), (0.034, 0.036), 0.045 * size, hair, hair_layer)
        # the face lies before the hair, the chin a little ahead
        face = person.skin
        ellipse((0.012, 0, -0.004), (0.04, 0.038), 0.046 * size, face, 8.1)
        ellipse((0.02, 0, -0.034), (0.03, 0.029), 0.03 * size, face * 0.97, 8.11)
        seen = np.where(sin < 0.45, 8.3, -1.0)
        self._capsule(at(0.04, 0, 0.004), at(0.056, 0, -0.008), (0.007, 0.01), face * 1.06, seen)
        if person.beard:
            ellipse((0.02, 0, -0.043), (0.031, 0.029), 0.021 * size, hair * 1.1, 8.15)
        self._capsule(
            at(0.046, 0.012, -0.03), at(0.046, -0.012, -0.03), (0.004, 0.004), face * 0.6, seen
        )
        for left in (0.017, -0.017):
            side = np.where((sin < 0.3) & (left * cos < 0.012), 8.3, -1.0)
            ellipse((0.041, left, 0.006), (0.005, 0.008), 0.006, face * 0.42, side)
        if wears == "cap":
            ellipse((-0.002, 0, 0.034), (0.057, 0.05), 0.036 * size, clothes.hat, 8.6)
            peak = np.where(sin < 0.5, 8.6, 1.0)
            self._capsule(
                at(0.04, 0, 0.022), at(0.092, 0, 0.014), (0.012, 0.008), clothes.hat, peak
            )
        elif wears == "beanie":
            ellipse((-0.004, 0, 0.032), (0.056, 0.05), 0.042 * size, clothes.hat, 8.6)
        elif wears == "hood":
            around = np.where(from_behind, 8.7, 8.05)
            ellipse((-0.016, 0, 0.004), (0.06, 0.056), 0.07 * size, clothes.top * 0.9, around)
        elif person.hairstyle == "long":
            layer = np.where(from_behind, 8.5, 7.9)
            ellipse((-0.034, 0, -0.05), (0.035, 0.052), 0.085, hair, layer)
        elif person.hairstyle == "tail":
            layer = np.where(from_behind, 8.5, 7.9)
            self._capsule(at(-0.06, 0, 0.012), at(-0.085, 0, -0.09), (0.022, 0.014), hair, layer)


def projected(joints: Array, heading: Array, tilt: float | Array) -> Array:
    """Project body coordinates `[..., 3]` onto the picture plane, `[..., 2]` body heights.

    Args:
        joints: (forward, left, up).
        heading: See `Labels.heading`; of a shape that broadcasts to that of the joints.
        tilt: See `Figure`; likewise.
    """
    forward, left, up = joints[..., 0], joints[..., 1], joints[..., 2]
    cos, sin = np.cos(heading), np.sin(heading)
    return np.stack([forward * cos - left * sin, up + tilt * (forward * sin + left * cos)], -1)


def _capsules(start: Array, end: Array, radii: Array) -> Array:
    """Outlines `[N, T, 14, 2]` of pairs of discs and what lies between them.

    Args:
        start: Centres of the first discs, `[N, T, 2]`.
        end: Centres of the second ones.
        radii: Of both, `[N, 2]`.
    """
    along = end - start
    angle = np.arctan2(along[..., 1], along[..., 0])[..., None]
    turn = angle + np.linspace(np.pi / 2, 3 * np.pi / 2, 7)
    half = np.stack([np.cos(turn), np.sin(turn)], -1)
    first, last = (radii[:, i, None, None, None] * half for i in (0, 1))
    return np.concatenate([start[..., None, :] + first, end[..., None, :] - last], -2)


def _ellipse(centre: Array, width: Array, height: float) -> Array:
    """Outline `[T, 16, 2]` of an upright ellipse with half axes `[T]` and `height`."""
    x = centre[:, :1] + width[:, None] * np.cos(CIRCLE)
    y = centre[:, 1:] + height * np.sin(CIRCLE)
    return np.stack([x, y], -1)
