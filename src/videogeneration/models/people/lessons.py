"""What the people's networks learn from in a step: picked from a batch, and varied."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map, tree_map_only

from videogeneration.models.interface import Batch
from videogeneration.models.people.limbs import PARTS, parts
from videogeneration.models.people.pose import Reading
from videogeneration.models.people.skeleton import BODY, Poses, constant

LEGIBLE = 0.2
"""Share of a figure's keypoints that a frame must show for the others to be guessed from them."""

MARGIN = 0.25
"""How far outside a frame keypoints are read, in shares of its sides."""

READABLE = 0.6
"""Share of a figure's keypoints that a frame must show for its reading to teach where it goes."""


@dataclass(frozen=True)
class DrawingLesson:
    """F frames of each window: those to draw from first, then those to draw.

    Attributes:
        frames: `[B, F, H, W]`.
        visible: bool `[B, F]`: whether they show a figure, as far as is known.
        counted: bool `[B, F, 16]`: which keypoints can be read: a figure's that is cut off too, so
            far as they are not far outside.
        silhouette: `[B, F, H, W]` in [0, 1].
        true: The true poses, `[B, F]`.
        background: `[B, F, H, W]`.
        background_valid: bool `[B]`: of which windows it is known.
        labelled: bool `[B, F]`: of which frames pose and silhouette are known.
        shadowed: bool `[B, F]`: on which frames shadows fall as on the others.
        exact: bool `[B, F]`: of which labelled frames the figure is drawn from with its true
            silhouette and background, not with those that are read.
        noise: Normal `[B, F, 16, 2]`: what true keypoints are drawn astray by, times a deviation.
        tint: `[B, F, 3, H, W]`: how colours differ from the frames' greys; one number for all
            pixels, zero, unless `tinted`.
        caption: One-hot `[B, words, vocabulary]`: what the windows show.
    """

    frames: Tensor
    visible: Tensor
    counted: Tensor
    silhouette: Tensor
    true: Poses
    background: Tensor
    background_valid: Tensor
    labelled: Tensor
    shadowed: Tensor
    exact: Tensor
    noise: Tensor
    tint: Tensor
    caption: Tensor

    @classmethod
    def of(cls, batch: Batch, references: int, drawings: int) -> "DrawingLesson":
        """Pick frames: some to draw from, mostly one, sometimes `references`; some to draw."""
        labels = batch.labels
        frames = torch.cat([batch.history, batch.future], 1)
        there = torch.cat([batch.history_valid, batch.future_valid], 1)
        labelled = labels["labels_valid"]
        shown, keypoints = labels["keypoints_valid"], labels["keypoints"]
        visible = there & (shown.float().mean(2).gt(LEGIBLE) | ~labelled[:, None])
        near = inside(keypoints, frames.shape[-2:], MARGIN)
        # mostly frames with a figure; some without, for the reader
        wanted = visible & (torch.rand(len(frames), 1, device=frames.device) < 0.9)
        order = torch.rand(frames.shape[:2], device=frames.device) + there + 2 * wanted
        # of few frames there are, first one to draw and one to draw it from
        picked = order.topk(references + drawings, 1).indices
        given = 1 if torch.rand(()) < 0.7 else references
        picked = torch.cat([picked[:, drawings : drawings + given], picked[:, :drawings]], 1)
        exact = torch.rand(picked.shape, device=frames.device) < 0.5
        return cls(
            frames=take(frames, picked),
            visible=take(visible, picked),
            counted=take(near & visible[..., None], picked),
            silhouette=take(labels["silhouette"], picked),
            true=_true(labels, "").map(lambda x: take(x, picked)),
            background=labels["background"][:, None].expand(-1, picked.shape[1], -1, -1),
            background_valid=labels["background_valid"],
            labelled=labelled[:, None].expand(picked.shape),
            shadowed=labels["background_valid"][:, None].expand(picked.shape),
            exact=exact & labelled[:, None],
            noise=torch.randn(*picked.shape, *keypoints.shape[2:], device=frames.device),
            tint=frames.new_zeros(*picked.shape, 3, 1, 1),
            caption=batch.caption,
        )

    def emptied(self, share: float, noise: float) -> "DrawingLesson":
        """Some frames show the background alone, whose grain is easily read as somebody.

        Args:
            share: How many, of the frames whose background is known.
            noise: Largest deviation of the noise on them.
        """
        empty = torch.rand(self.visible.shape, device=self.frames.device) < share
        empty &= self.background_valid[:, None]
        here = empty[..., None, None]
        grain = noise * torch.rand_like(self.frames[..., :1, :1]) * torch.randn_like(self.frames)
        return replace(
            self,
            frames=torch.where(here, (self.background + grain).clamp(0, 1), self.frames),
            visible=self.visible & ~empty,
            counted=self.counted & ~empty[..., None],
            silhouette=self.silhouette.masked_fill(here, 0.0),
            labelled=self.labelled | empty,
        )

    def varied(self, light: float, inverted: float) -> "DrawingLesson":
        """In another light: greys through a gain and a gamma, some windows' inverted.

        Args:
            light: Largest logarithm of gain and gamma.
            inverted: Share of inverted windows.
        """
        count, like = len(self.frames), self.frames
        gain, gamma = (light * (2 * like.new_empty(2, count, 1, 1, 1).uniform_() - 1)).exp()
        invert = like.new_empty(count, 1, 1, 1).uniform_() < inverted

        def vary(x: Tensor) -> Tensor:
            x = gain * x.clamp(min=1e-3) ** gamma
            return torch.where(invert, 1 - x, x)

        background = vary(self.background[:, :1]).expand_as(self.background)
        return replace(self, frames=vary(self.frames), background=background)

    def cropped(self, share: float, smallest: float) -> "DrawingLesson":
        """Some windows as a part of the picture, enlarged: figures that edges cut off.

        Args:
            share: How many, of windows all of whose frames are labelled.
            smallest: Smallest side of a part, as a share of the picture's.
        """
        count, height, width = len(self.frames), *self.frames.shape[-2:]
        size = smallest + (1 - smallest) * torch.rand(count, 1, device=self.frames.device)
        some = (torch.rand_like(size) < share) & self.labelled.all(1, keepdim=True)
        size = torch.where(some, size, 1.0)
        corner = (1 - size) * torch.rand(count, 2, device=size.device)
        # a point of the part in [-1, 1] as a point of the picture
        middle = 2 * corner + size - 1
        matrix = torch.cat([torch.diag_embed(size.expand(-1, 2)), middle[:, :, None]], 2)
        grid = F.affine_grid(matrix, [count, 1, height, width], align_corners=False)

        def cut(x: Tensor) -> Tensor:
            return F.grid_sample(x, grid, padding_mode="border", align_corners=False)

        pixels = constant(size, width, height)
        keypoints = (self.true.keypoints + 0.5) / pixels - corner[:, None, None]
        keypoints = keypoints / size[:, None, None] * pixels - 0.5
        shown = visible_share(keypoints, (height, width)) > LEGIBLE
        visible = self.visible & (shown | ~self.labelled)
        return replace(
            self,
            frames=cut(self.frames),
            visible=visible,
            counted=inside(keypoints, (height, width), MARGIN) & visible[..., None],
            silhouette=cut(self.silhouette),
            background=cut(self.background),
            true=Poses(keypoints, self.true.scale / size, self.true.heading),
        )

    def mirrored(self, share: float, drawings: int) -> "DrawingLesson":
        """Some of the frames to draw as their mirror image: who turns round is seen so.

        Args:
            share: How many, of labelled frames.
            drawings: The last so many frames are those to draw.
        """
        flip = torch.rand(self.visible.shape, device=self.frames.device) < share
        flip[:, :-drawings].zero_()
        flip &= self.labelled

        def turn(x: Tensor) -> Tensor:
            return torch.where(flip[..., None, None], x.flip(-1), x)

        true, side = self.true, constant(self.true.heading, -1.0, 1.0)
        across = true.keypoints * side + constant(side, self.frames.shape[-1] - 1, 0)
        return replace(
            self,
            frames=turn(self.frames),
            silhouette=turn(self.silhouette),
            background=turn(self.background),
            # the light does not turn round
            shadowed=self.shadowed & ~flip,
            true=Poses(across, true.scale, true.heading * side).where(flip, true),
        )

    def tinted(self, most: float) -> "DrawingLesson":
        """In colours, as far as it is labelled: see `tints`.

        Args:
            most: How far a colour may be from grey.
        """
        tint = tints(self.true.keypoints, self.silhouette, most)
        return replace(self, tint=tint * self.labelled[..., None, None, None])


@dataclass(frozen=True)
class MotionLesson:
    """Past poses and those that follow, N of them.

    Attributes:
        past: `[N, length]`, newest last.
        visibility: `[N, length]` in [0, 1]: which share of their keypoints frames show; 0 where
            none is given.
        following: `[N, horizon]`.
        known: bool `[N, horizon]`: which count.
        exact: bool `[N]`: whose poses teach a body, too: true ones, not read.
        caption: One-hot `[N, words, vocabulary]`: what the poses that follow do.
        quantile: `[N, 1]` in [0, 1]: of the trajectories there may be, which one is learned; half
            of them are the median.
        time: `[N, 1]` in [0, 1]: how far between noise and truth the flow to a body is learned.
        noise: Normal `[N, BODY]`: where that flow begins.
    """

    past: Poses
    visibility: Tensor
    following: Poses
    known: Tensor
    exact: Tensor
    caption: Tensor
    quantile: Tensor
    time: Tensor
    noise: Tensor

    @classmethod
    def of(cls, batch: Batch, length: int, horizon: int) -> "MotionLesson":
        """Pick a moment in each sequence without pictures, or in each window if there are none."""
        labels = batch.labels
        if "motion_keypoints" in labels:
            poses = _true(labels, "motion_").map(lambda x: x.flatten(0, 1))
            present = labels["motion_present"].flatten(0, 1)
            follows = labels["motion_follows"].flatten(0, 1)
            caption = labels["motion_caption"].flatten(0, 1)
        else:
            poses, caption, follows = _true(labels, ""), batch.caption, labels["follows"]
            present = labels["labels_valid"][:, None] & labels["present"]
        visibility = visible_share(poses.keypoints, batch.history.shape[-2:])
        visibility = visibility * (visibility > LEGIBLE) * present
        possible = present & follows
        return cls._picked(poses, visibility, poses, possible, True, caption, length, horizon)

    @classmethod
    def read(
        cls, films: Batch, read: Reading, count: int, whole: float, length: int, horizon: int
    ) -> "MotionLesson":
        """Pick moments in films whose past is given as it was read; they teach trajectories alone.

        What follows is the truth, or what was read where it is not known. Of what was read a body
        would learn to tremble: it would take its own poses for misread ones, too.

        Args:
            films: Windows whose frames were read one after the other; of those that are not
                labelled the caption is true of all frames.
            read: What was read from their frames, `[B * (T + K)]`.
            count: Moments in each film.
            whole: See `legible`.
            length: Past poses.
            horizon: Poses that follow.
        """
        labels, size = films.labels, films.history.shape[-2:]
        valid = torch.cat([films.history_valid, films.future_valid], 1)
        shape = valid.shape
        found = read.poses.map(lambda x: x.unflatten(0, shape)).not_tiny()
        seen = valid & (read.present > 0).unflatten(0, shape)
        share = seen * visible_share(found.keypoints, size)
        known = labels["labels_valid"][:, None].expand(shape)
        following = _true(labels, "").where(known, found)
        follows = valid & labels["present"] & labels["follows"]
        possible = torch.where(known, follows, share > READABLE)

        def often(x: Tensor) -> Tensor:
            return x.repeat_interleave(count, 0)

        lesson = cls._picked(
            found.map(often),
            often(share),
            following.map(often),
            often(possible),
            False,
            often(films.caption),
            length,
            horizon,
        )
        return replace(lesson, visibility=legible(lesson.visibility, lesson.visibility > 0, whole))

    @classmethod
    def _picked(
        cls,
        poses: Poses,
        visibility: Tensor,
        later: Poses,
        possible: Tensor,
        exact: bool,
        caption: Tensor,
        length: int,
        horizon: int,
    ) -> "MotionLesson":
        """Pick a moment of each of N films, and what is given of the poses before it.

        `later`, `[N, T]`, are the poses as they shall be predicted; `possible`, bool `[N, T]`, says
        which of them may be taught.
        """
        possible = possible.clone()
        possible[:, :1].zero_()
        chance = torch.rand(possible.shape, device=possible.device) + possible
        moment = chance.argmax(1, keepdim=True)
        past = moment - length + torch.arange(length, device=moment.device)
        given = _some(len(moment), length, past.device) & (past >= 0)
        past = past.clamp(min=0)
        share = take(visibility, past) * given
        following = moment + torch.arange(horizon, device=moment.device)
        within = following < possible.shape[1]
        following = following.clamp(max=possible.shape[1] - 1)
        quantile, middle, time = torch.rand(3, len(moment), 1, device=moment.device)
        return cls(
            past=poses.map(lambda x: take(x, past)),
            visibility=share,
            following=later.map(lambda x: take(x, following)),
            known=within & take(possible, following) & (share > 0).any(1, keepdim=True),
            exact=torch.full_like(share[:, 0], exact, dtype=torch.bool),
            caption=caption,
            quantile=torch.where(middle < 0.5, 0.5, quantile),
            time=time,
            noise=torch.randn(len(moment), BODY, device=moment.device),
        )

    def then(self, other: "MotionLesson") -> "MotionLesson":
        """Both."""
        both: MotionLesson = tree_map(lambda *pair: torch.cat(pair), self, other)
        return both


def legible(share: Tensor, seen: Tensor, whole: float) -> Tensor:
    """How far to go by what was read of given frames: who is cut off is read badly.

    Args:
        share: `[B, T]`: which share of a figure's keypoints they show.
        seen: bool `[B, T]`: which of them show a figure.
        whole: The share from which on a figure is whole; others count where no frame shows it so.

    Returns:
        `[B, T]`: the share, 0 in frames that do not count.
    """
    best = seen & (share > whole)
    best = torch.where(best.any(1, keepdim=True), best, seen)
    return share.clamp(min=0.1) * best


def most_frames(batch: Batch) -> Batch:
    """Half of the windows, those with the most frames."""
    there = batch.history_valid.sum(1) + batch.future_valid.sum(1)
    order = there + torch.rand(len(there), device=there.device)
    picked = order.topk(-(-len(there) // 2)).indices
    half: Batch = tree_map_only(Tensor, lambda x: x[picked], batch)
    return half


for kind in (Poses, DrawingLesson, MotionLesson):
    torch.export.register_dataclass(kind)


def tints(keypoints: Tensor, silhouette: Tensor, most: float) -> Tensor:
    """Colours at random for each part of a figure, and another one for what is around it.

    Networks see greys. But films are drawn in colours, and a hand that is taken from trousers of
    the same grey is blue.

    Args:
        keypoints: `[B, F, 16, 2]` in pixels.
        silhouette: `[B, F, H, W]` in [0, 1].
        most: How far a colour may be from grey.

    Returns:
        `[B, F, 3, H, W]`: how colours differ from greys, zero on average; alike in F frames.
    """
    part = parts(keypoints.flatten(0, 1), silhouette.shape[-2:]).view_as(silhouette)
    colours = most * (2 * torch.rand(len(part), len(PARTS) + 1, 3, device=part.device) - 1)
    colours = colours - colours.mean(2, keepdim=True)
    rows = torch.arange(len(part), device=part.device)[:, None, None, None]
    own = colours[rows, part].movedim(-1, 2)
    around = colours[:, None, -1, :, None, None]
    return around + silhouette[:, :, None] * (own - around)


def inside(keypoints: Tensor, size: tuple[int, int] | torch.Size, margin: float = 0.0) -> Tensor:
    """Which keypoints lie within a frame.

    Args:
        keypoints: `[..., 16, 2]` in pixels.
        size: Height and width of the frame.
        margin: How far outside they may lie, in shares of its sides.

    Returns:
        bool `[..., 16]`.
    """
    far = constant(keypoints, size[1], size[0])
    return ((keypoints > -1 - margin * far) & (keypoints < (1 + margin) * far)).all(-1)


def visible_share(keypoints: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Which share of keypoints `[..., 16, 2]` lies within a frame, `[...]`; see `inside`."""
    return inside(keypoints, size).to(keypoints.dtype).mean(-1)


def _true(labels: Mapping[str, Tensor], prefix: str) -> Poses:
    """The true poses of labels."""
    heading = labels[prefix + "heading"]
    return Poses(
        labels[prefix + "keypoints"],
        labels[prefix + "scale"].clamp(min=8),
        torch.stack([heading.cos(), heading.sin()], -1),
    )


def _some(count: int, length: int, device: torch.device) -> Tensor:
    """Which past poses are given, bool `[count, length]`: the last few, often one, some missing."""
    most = torch.randint(1, length + 1, (count, 1), device=device)
    most = most.masked_fill(torch.rand(count, 1, device=device) < 0.25, 1)
    age = torch.arange(length - 1, -1, -1, device=device)
    kept = torch.rand(count, length, device=device) > 0.1
    # the newest is missing only where there are others
    newest = torch.rand(count, device=device) < 0.5
    kept[:, -1] |= newest | ~(kept[:, :-1] & (age[:-1] < most)).any(1)
    return (age < most) & kept


def take(values: Tensor, picked: Tensor) -> Tensor:
    """Of `[B, T, ...]` the picked `[B, F]`."""
    return values[torch.arange(len(values), device=values.device)[:, None], picked]
