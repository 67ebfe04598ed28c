"""What is picked from a batch."""

from dataclasses import replace

import torch

from models.people.figures import SIZE, batch
from videogeneration.models.interface import Batch
from videogeneration.models.people.lessons import (
    DrawingLesson,
    MotionLesson,
    legible,
    most_frames,
)
from videogeneration.models.people.pose import Reading
from videogeneration.models.people.skeleton import HEAD, PELVIS, Poses


def test_frames_that_show_a_figure_are_picked_first() -> None:
    scene = batch()
    inside = torch.zeros_like(scene.labels["keypoints_valid"])
    inside[:, 3:6] = True
    scene = replace(scene, labels={**scene.labels, "keypoints_valid": inside})
    torch.manual_seed(0)
    shown = torch.cat([DrawingLesson.of(scene, 2, 1).visible.flatten() for _ in range(40)])
    assert shown.float().mean() > 0.8


def test_of_two_frames_one_is_drawn_from_the_other() -> None:
    scene = batch()
    there = torch.zeros_like(scene.history_valid)
    there[:, -1] = True
    future = torch.tensor([[True, False, False]] * 3)
    scene = replace(scene, history_valid=there, future_valid=future)
    torch.manual_seed(0)
    for _ in range(20):
        shown = DrawingLesson.of(scene, 3, 1).visible
        assert shown[:, 0].all() and shown[:, -1].all()


def test_a_part_of_the_picture_keeps_its_labels() -> None:
    scene = batch()
    torch.manual_seed(0)
    whole = DrawingLesson.of(scene, 2, 1)
    part = whole.cropped(1.0, 0.5)
    assert (part.true.scale > whole.true.scale).all()
    for frame, silhouette, keypoints in zip(
        part.frames.flatten(0, 1),
        part.silhouette.flatten(0, 1),
        part.true.keypoints.flatten(0, 1),
        strict=True,
    ):
        column, row = keypoints[PELVIS].round().int().tolist()
        if 1 <= column < SIZE - 1 and 1 <= row < SIZE - 1:
            assert silhouette[row, column] == 1 and frame[row, column] < 0.2


def test_missing_frames_show_nothing() -> None:
    scene = batch()
    nothing = torch.zeros_like(scene.history_valid)
    scene = replace(scene, history_valid=nothing, future_valid=torch.zeros(3, 3, dtype=torch.bool))
    assert not DrawingLesson.of(scene, 2, 1).visible.any()


def test_empty_places_are_known_to_show_nobody() -> None:
    scene = batch()
    torch.manual_seed(0)
    whole = DrawingLesson.of(scene, 2, 1)
    whole = replace(whole, background_valid=torch.tensor([True, True, False]))
    whole = replace(whole, labelled=torch.zeros_like(whole.labelled))
    empty = whole.emptied(1.0, 0.02)
    assert empty.labelled[:2].all() and not empty.labelled[2].any()
    assert not empty.visible[:2].any() and not empty.counted[:2].any()
    assert (empty.silhouette[:2] == 0).all()
    assert 0 < (empty.frames - empty.background)[:2].abs().max() < 0.2
    assert torch.equal(empty.frames[2], whole.frames[2])
    assert torch.equal(whole.emptied(0.0, 0.02).frames, whole.frames)


def test_who_is_cut_off_is_read_beyond_the_frame() -> None:
    scene = batch()
    moved = scene.labels["keypoints"] * torch.tensor([1.0, 1.0])
    moved[..., 0] += SIZE - 0.5 - moved[..., PELVIS : PELVIS + 1, 0]
    inside = ((moved >= 0) & (moved < SIZE)).all(-1)
    labels = {**scene.labels, "keypoints": moved, "keypoints_valid": inside}
    lesson = DrawingLesson.of(replace(scene, labels=labels), 2, 1)
    assert (lesson.counted & (lesson.true.keypoints[..., 0] > SIZE)).any()


def test_a_mirror_image_is_one_wholly() -> None:
    scene = batch()
    lesson = DrawingLesson.of(scene, 2, 1)
    turned = lesson.mirrored(1.0, 1)
    assert torch.equal(turned.frames[:, -1], lesson.frames[:, -1].flip(-1))
    assert torch.equal(turned.frames[:, :-1], lesson.frames[:, :-1])
    across = SIZE - 1 - lesson.true.keypoints[:, -1, :, 0]
    assert torch.allclose(turned.true.keypoints[:, -1, :, 0], across)
    assert torch.equal(turned.true.heading[:, -1, 0], -lesson.true.heading[:, -1, 0])
    assert torch.equal(turned.silhouette[:, -1], lesson.silhouette[:, -1].flip(-1))
    # but the light comes from where it came from
    assert lesson.shadowed.all()
    assert turned.shadowed[:, :-1].all() and not turned.shadowed[:, -1].any()


def test_inverted_greys_keep_the_background_a_background() -> None:
    scene = batch()
    lesson = DrawingLesson.of(scene, 2, 1).varied(0.0, 1.0)
    free = lesson.silhouette == 0
    assert torch.allclose(lesson.frames[free], lesson.background[free], atol=1e-5)
    assert lesson.frames[~free].min() > 0.8


def test_a_figure_is_tinted_part_by_part_and_no_grey_changes() -> None:
    scene = batch()
    torch.manual_seed(0)
    plain = DrawingLesson.of(scene, 2, 1)
    everywhere = torch.ones_like(plain.silhouette)
    lesson = replace(plain, silhouette=everywhere).tinted(0.6)
    assert torch.equal(lesson.frames, plain.frames)
    assert lesson.tint.shape == (*lesson.frames.shape[:2], 3, SIZE, SIZE)
    assert lesson.tint.mean(2).abs().max() < 1e-6
    assert 0.2 < lesson.tint.abs().max() < 1.2
    # the same in all frames of a window, another in each part and each window
    for part in (HEAD, PELVIS):
        place = lesson.true.keypoints[:, :, part] - torch.tensor([0, 2 * (part == PELVIS)])
        column, row = place.round().long().clamp(0, SIZE - 1).unbind(-1)
        window = torch.arange(len(column))[:, None]
        frame = torch.arange(column.shape[1])
        own = lesson.tint[window, frame, :, row, column]
        assert own.std(1).max() < 1e-6
        assert own[:, 0].std(0).min() > 0.01
    around = replace(plain, silhouette=0 * everywhere).tinted(0.6).tint
    assert around.std((1, 3, 4)).max() < 1e-6


def test_recordings_stay_grey() -> None:
    assert not DrawingLesson.of(batch(labelled=False), 2, 1).tinted(0.6).tint.any()


def test_what_follows_comes_after_what_was_given() -> None:
    scene = batch()
    torch.manual_seed(1)
    for _ in range(20):
        lesson = MotionLesson.of(scene, 10, 4)
        across = lesson.past.keypoints[:, :, PELVIS, 0]
        ahead = lesson.following.keypoints[:, :1, PELVIS, 0] - across
        assert (ahead[(lesson.visibility > 0)] > -2).all()
        assert (lesson.visibility > 0)[lesson.known.any(1)].any(1).all()


def test_only_what_is_as_told_is_learned() -> None:
    scene = batch()
    follows = torch.zeros_like(scene.labels["follows"])
    follows[:2, 8] = True
    scene = replace(scene, labels={**scene.labels, "follows": follows})
    lesson = MotionLesson.of(scene, 10, 3)
    assert lesson.known.tolist() == [[True, False, False]] * 2 + [[False] * 3]
    true = scene.labels["keypoints"][:2, 8]
    assert torch.equal(lesson.following.keypoints[:2, 0], true)


def read_a_little_to_the_right(film: Batch) -> Reading:
    true = poses_of(film)
    keypoints = true.keypoints + torch.tensor([3.0, 0.0])
    poses = Poses(keypoints, true.scale, true.heading).map(lambda x: x.flatten(0, 1))
    return Reading(poses, torch.ones(len(poses.scale)), torch.zeros(len(poses.scale), 1, 1))


def poses_of(film: Batch) -> Poses:
    """What is true of a film."""
    heading = film.labels["heading"]
    heading = torch.stack([heading.cos(), heading.sin()], -1)
    return Poses(film.labels["keypoints"], film.labels["scale"], heading)


def test_of_recordings_the_motion_learns_what_was_read() -> None:
    film = batch(count=1, labelled=False)
    reading = read_a_little_to_the_right(film)
    torch.manual_seed(0)
    lesson = MotionLesson.read(film, reading, 50, 0.9, 10, 2)
    assert len(lesson.known) == 50 and not lesson.exact.any()
    assert lesson.known.any(1).all() and (lesson.visibility > 0).any(1).all()
    read = reading.poses.keypoints
    for pose in (
        *lesson.past.keypoints[lesson.visibility > 0],
        *lesson.following.keypoints[lesson.known],
    ):
        assert torch.isclose(read, pose).all((1, 2)).any()


def test_nobody_who_is_not_seen_teaches() -> None:
    film = batch(count=1, labelled=False)
    nobody = read_a_little_to_the_right(film)
    nobody = replace(nobody, present=-nobody.present)
    assert not MotionLesson.read(film, nobody, 50, 0.9, 10, 2).known.any()


def test_from_what_is_read_the_motion_learns_what_truly_follows() -> None:
    film = batch(count=1)
    reading = read_a_little_to_the_right(film)
    torch.manual_seed(0)
    lesson = MotionLesson.read(film, reading, 50, 0.9, 10, 2)
    assert lesson.known.any(1).all() and not lesson.exact.any()  # trajectories alone
    given, following = lesson.visibility > 0, lesson.known
    for pose in lesson.past.keypoints[given]:
        assert torch.isclose(reading.poses.keypoints, pose).all((1, 2)).any()
    for pose in lesson.following.keypoints[following]:
        assert torch.isclose(film.labels["keypoints"], pose).all((2, 3)).any()
    # only what is done as told, in frames that there are
    follows = torch.zeros_like(film.labels["follows"])
    later = replace(film, labels={**film.labels, "follows": follows})
    assert not MotionLesson.read(later, reading, 50, 0.9, 10, 2).known.any()


def test_who_is_cut_off_counts_where_nobody_is_whole() -> None:
    share = torch.tensor([[1.0, 0.5, 0.95, 0.05], [0.7, 0.5, 0.3, 0.05]])
    seen = torch.tensor([[True, True, True, True], [True, True, False, True]])
    expected = torch.tensor([[1.0, 0.0, 0.95, 0.0], [0.7, 0.5, 0.0, 0.1]])
    assert torch.equal(legible(share, seen, 0.9), expected)


def test_half_of_the_windows_are_read_those_with_the_most_frames() -> None:
    scene = batch(count=4)
    there = scene.history_valid.clone()
    there[:2, :7] = False
    films = most_frames(replace(scene, history_valid=there))
    assert films.history_valid.all() and len(films.history) == 2
    for read in films.history:
        assert any(torch.equal(read, scene.history[n]) for n in (2, 3))
