import json
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from videogeneration.models.people.skeleton import KEYPOINTS
from videogeneration.sources.people import (
    PeopleSettings,
    Poses,
    draw_film,
    draw_poses,
    read_labels,
    recordings,
    render_recordings,
)
from videogeneration.sources.people.labels import Labels, joined

pytestmark = pytest.mark.slow

SMALL = PeopleSettings(
    subjects=2,
    films=0,
    actions=("walking",),
    scenarios=("d1", "d4"),
    sequences=2,
    transitions=0,
    seed=3,
    processes=1,
)
ONE = replace(SMALL, subjects=1, scenarios=("d1",), sequences=1)
SIDES = ("left", "right")
TRAVELLING = ("walking", "jogging", "running")


def decode(path: Path) -> np.ndarray:
    video = cv2.VideoCapture(str(path))
    assert video.get(cv2.CAP_PROP_FPS) == 25
    frames = []
    while True:
        ok, frame = video.read()
        if not ok:
            return np.array(frames)
        assert np.ptp(frame.astype(int), axis=2).max() <= 1  # grey
        frames.append(frame[..., 0])


def listed(folder: Path) -> dict[str, list[tuple[int, int]]]:
    text = (folder / "00sequences.txt").read_bytes().decode()
    rows = re.findall(r"^(person\d+_[a-z]+_d\d)\t+frames\t(.+)\r$", text, re.MULTILINE)
    return {
        name: [tuple(map(int, pair.split("-"))) for pair in ranges.split(", ")]
        for name, ranges in rows
    }


def centres(frames: np.ndarray) -> np.ndarray:
    """Column of the dark and light things that are not always there, nan where there are none."""
    change = np.abs(frames.astype(float) - np.median(frames, axis=0)) > 30
    change = np.array([cv2.erode(frame.astype(np.uint8), np.ones((2, 2))) for frame in change])
    count = change.sum(axis=(1, 2))
    columns = (change * np.arange(160)).sum(axis=(1, 2)) / np.maximum(count, 1)
    return np.where(count > 250, columns, np.nan)


def way(frames: np.ndarray) -> float:
    """Pixels a frame to the right, while a person is in view."""
    columns = centres(frames)
    seen = np.flatnonzero((columns > 30) & (columns < 130))
    assert len(seen) > 10, "nobody is in view"
    return float(np.polyfit(seen, columns[seen], 1)[0])


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render_recordings(tmp_path_factory.mktemp("walkers") / "rendered", SMALL)


def test_the_folder_holds_what_the_list_says(rendered: Path) -> None:
    names = {
        f"person{subject}_walking_{place}" for subject in ("01", "02") for place in ("d1", "d4")
    }
    assert listed(rendered).keys() == names
    files = {f"{name}_{what}" for name in names for what in ("uncomp.avi", "labels.npz")}
    assert {path.name for path in rendered.glob("walking/*")} == files
    for name, ranges in listed(rendered).items():
        frames = decode(rendered / "walking" / f"{name}_uncomp.avi")
        assert frames.shape[1:] == (120, 160)
        assert len(ranges) == SMALL.sequences
        assert ranges[0][0] == 1 and ranges[-1][1] == len(frames)
        bounds = np.ravel(ranges)
        assert (np.diff(bounds) > 0).all()
        assert all(45 <= last - first < 200 for first, last in ranges)


def test_the_list_is_laid_out_like_the_real_one(rendered: Path, shared_data: Path) -> None:
    real = (shared_data / "kth" / "00sequences.txt").read_bytes().decode()
    ours = (rendered / "00sequences.txt").read_bytes().decode()
    names = "person01_walking_d1", "person02_walking_d4"
    for name in names:
        (theirs,), (own,) = (
            re.findall(rf"^{name}(\t+frames\t)", text, re.M) for text in (real, ours)
        )
        assert own == theirs
    headings = [
        re.findall(r"^(Training|Validation|Test):\s+person\d\d, ", t, re.M) for t in (real, ours)
    ]
    assert headings[0] == headings[1] == ["Training", "Validation", "Test"]
    for name in ("person01_boxing_d1", "person01_handclapping_d1", "person01_handwaving_d1"):
        _, action, scenario = name.split("_")
        text = recordings.sequence_list([recordings.Job(action, 1, scenario)], [[(1, 9)]])
        assert re.findall(rf"^{name}\t+frames", text, re.M) == re.findall(
            rf"^{name}\t+frames", real, re.M
        )


def test_someone_walks_through_and_back(rendered: Path) -> None:
    for name, ranges in listed(rendered).items():
        frames = decode(rendered / "walking" / f"{name}_uncomp.avi")
        first, second = (way(frames[start - 1 : end]) for start, end in ranges)
        assert first * second < 0, f"{name}: passes do not alternate"
        assert 1.2 < abs(first) < 4.5


def test_who_comes_at_a_slant_is_seen_whole_in_the_middle(tmp_path: Path) -> None:
    settings = replace(SMALL, subjects=6, scenarios=("d2",), actions=("running",), sequences=1)
    folder = render_recordings(tmp_path / "runners", settings)
    whole = []
    for path in sorted(folder.glob("running/*.avi")):
        known = read_labels(path)
        assert known is not None
        nearest = np.abs(pelvis(known)[:, 0] - 80).argmin()
        whole.append(known.keypoints_valid[nearest].all())
    assert len(whole) == 6 and all(whole)


def test_subjects_and_seeds_differ_and_processes_do_not(rendered: Path, tmp_path: Path) -> None:
    again = render_recordings(tmp_path / "again", replace(SMALL, processes=2))
    other = render_recordings(tmp_path / "other", replace(SMALL, seed=4))
    assert (again / "00sequences.txt").read_bytes() == (rendered / "00sequences.txt").read_bytes()
    for path in rendered.glob("walking/*.avi"):
        np.testing.assert_array_equal(decode(again / "walking" / path.name), decode(path))
    one, two, elsewhere = (
        decode(folder / "walking" / f"person{subject}_walking_d1_uncomp.avi")[:40].astype(float)
        for folder, subject in ((rendered, "01"), (rendered, "02"), (other, "01"))
    )
    assert np.abs(one - two).mean() > 4
    assert np.abs(one - elsewhere).mean() > 4


def test_a_subject_stays_the_same_beside_others(rendered: Path, tmp_path: Path) -> None:
    alone = replace(SMALL, subjects=1, scenarios=("d4",))
    folder = render_recordings(tmp_path / "alone", alone)
    path = "walking/person01_walking_d4_uncomp.avi"
    np.testing.assert_array_equal(decode(folder / path), decode(rendered / path))


def joint(known: Labels | Poses, name: str) -> np.ndarray:
    return known.keypoints[..., KEYPOINTS.index(name), :]


def pelvis(known: Labels | Poses) -> np.ndarray:
    return joint(known, "pelvis")


@pytest.mark.parametrize("action", recordings.ACTIONS)
def test_every_action_renders(action: str, tmp_path: Path) -> None:
    settings = replace(ONE, actions=(action,), scenarios=("d2",))
    folder = render_recordings(tmp_path / "films", settings)
    (name,) = listed(folder)
    video = folder / action / f"{name}_uncomp.avi"
    frames, labels = decode(video), read_labels(video)
    assert labels is not None and len(frames) == listed(folder)[name][0][1]
    shown = labels.silhouette > 128
    assert (shown.any(0) & ~shown.all(0)).sum() > 60


def test_faster_actions_are_faster() -> None:
    speeds = []
    for action in ("walking", "jogging", "running"):
        settings = replace(ONE, actions=(action,))
        frames, ranges, _ = recordings.film_recording(settings, recordings.Job(action, 1, "d1"))
        assert ranges == [(1, len(frames))]
        speeds.append(abs(way(np.array(frames))))
    assert speeds[0] * 1.3 < speeds[1] < speeds[2] / 1.3


def test_a_recording_is_called_by_what_is_done_in_the_end(tmp_path: Path) -> None:
    settings = replace(
        ONE, actions=recordings.ACTIONS, scenarios=("d1", "d2"), transitions=1, sequences=2
    )
    folder = render_recordings(tmp_path / "films", settings)
    before, sides = set(), set()
    for name, ranges in listed(folder).items():
        action = name.split("_")[1]
        labels = read_labels(folder / action / f"{name}_uncomp.avi")
        assert labels is not None
        for first, last in ranges:
            part = labels.part(slice(first - 1, last))
            assert part.action[-1] == action
            change = (part.action[1:] != part.action[:-1]) | (np.diff(part.direction) != 0)
            assert change.sum() == 1, f"{name}: one thing follows another"
            at = np.flatnonzero(change)[0]
            assert 0 < pelvis(part)[at, 0] < 160, f"{name}: the change is in view"
            assert (part.direction[-1] != 0) == (action in TRAVELLING)
            before.add(part.action[0])
            if part.action[0] == action:
                sides.add((part.direction[0], part.direction[-1]))
            if action in TRAVELLING:
                way_known = pelvis(part)[-1, 0] - pelvis(part)[-4, 0]
                assert way_known * part.direction[-1] > 0
            else:
                assert len(part) - at > 50
                assert np.abs(np.diff(pelvis(part)[-30:, 0])).max() < 1
    assert len(before) > 3
    assert sides <= {(-1, 1), (1, -1)}


@pytest.mark.parametrize("action", TRAVELLING)
def test_feet_on_the_ground_do_not_slide(action: str) -> None:
    poses = draw_poses(40, 25, 50, np.random.default_rng(0), (action,), transitions=0)
    ahead = np.abs(np.diff(pelvis(poses)[..., 0])) / poses.scale[:, 1:]
    ankles = poses.keypoints[:, :, [KEYPOINTS.index(f"{side}_ankle") for side in SIDES]]
    slides = np.abs(np.diff(ankles[..., 0], axis=1)) / poses.scale[:, 1:, None]
    # one foot always stays behind, but for flights
    share = slides.min(-1).mean() / ahead.mean()
    assert share < (0.3 if action == "walking" else 0.55)


def test_few_recordings_show_every_action_equally_often(tmp_path: Path) -> None:
    settings = replace(
        ONE, subjects=3, actions=("boxing", "running"), scenarios=("d1", "d4"), recordings=2
    )
    names = listed(render_recordings(tmp_path / "films", settings))
    assert len(names) == 6
    for subject in ("01", "02", "03"):
        own = sorted(name for name in names if name.startswith(f"person{subject}_"))
        assert [name.split("_")[1] for name in own] == ["boxing", "running"]
    assert {name[-2:] for name in names} == {"d1", "d4"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subjects", 0),
        ("subjects", 26),
        ("subjects", 2.5),
        ("films", -1),
        ("recordings", 0),
        ("actions", ()),
        ("actions", ("dancing",)),
        ("actions", "walking"),
        ("scenarios", ("d5",)),
        ("sequences", 0),
        ("seed", -1),
        ("transitions", 1.5),
        ("transitions", "often"),
    ],
)
def test_settings_name_the_wrong_field(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        PeopleSettings(**{field: value})


def test_finished_folders_are_left_alone_and_others_redone(tmp_path: Path) -> None:
    one = ONE
    folder = render_recordings(tmp_path / "films", one)
    (video,) = folder.glob("*/*.avi")
    before = video.stat().st_mtime_ns
    same = replace(one, processes=2)
    assert render_recordings(folder, same) == folder
    assert video.stat().st_mtime_ns == before

    render_recordings(folder, replace(one, seed=9))
    assert json.loads((folder / "settings.json").read_text())["seed"] == 9
    assert video.stat().st_mtime_ns > before

    video.unlink()
    render_recordings(folder, replace(one, seed=9))
    assert video.is_file()


def test_foreign_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(str(tmp_path))):
        render_recordings(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("target", ["films", "new"])
def test_nothing_is_left_when_writing_fails(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = replace(ONE, scenarios=("d1", "d4"))
    folder = render_recordings(tmp_path / "films", one)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    film = recordings.film_recording

    def second_fails(settings: PeopleSettings, job: recordings.Job) -> object:
        if job.scenario == "d4":  # a folder in the way: the encoder cannot open its file
            (next(tmp_path.glob(".*")) / job.path).mkdir()
        return film(settings, job)

    monkeypatch.setattr(recordings, "film_recording", second_fails)
    with pytest.raises(OSError, match=r"cannot write .*person01_walking_d4_uncomp\.avi"):
        render_recordings(tmp_path / target, replace(one, seed=1))
    assert [path.name for path in tmp_path.iterdir()] == ["films"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.fixture(scope="module", params=recordings.ACTIONS)
def film(request: pytest.FixtureRequest) -> tuple[np.ndarray, Labels]:
    films = [draw_film(np.random.default_rng(seed), 10, 10, (request.param,)) for seed in range(4)]
    return np.concatenate([frames for frames, _ in films]), joined([known for _, known in films])


def test_the_labels_of_a_film_have_its_frames(film: tuple[np.ndarray, Labels]) -> None:
    frames, labels = film
    assert frames.shape == labels.silhouette.shape == (40, 120, 160)
    assert frames.dtype == labels.silhouette.dtype == labels.background.dtype == np.uint8
    assert labels.keypoints.shape == (40, 16, 2) and labels.keypoints_valid.shape == (40, 16)
    assert labels.keypoints.dtype == labels.scale.dtype == np.float32
    assert labels.background.shape == (120, 160)
    assert labels.present.all()
    for left, right in zip(KEYPOINTS[4::2], KEYPOINTS[5::2], strict=True):
        assert (left[:5], right[:6]) == ("left_", "right_") and left[5:] == right[6:]


def test_joints_lie_on_the_silhouette(film: tuple[np.ndarray, Labels]) -> None:
    _, labels = film
    for silhouette, joints, valid in zip(
        labels.silhouette, labels.keypoints, labels.keypoints_valid, strict=True
    ):
        away = cv2.distanceTransform((silhouette < 128).astype(np.uint8), cv2.DIST_L2, 5)
        columns, rows = np.round(joints[valid]).astype(int).T
        assert (away[rows, columns] < 3.5).all()
        outside = ((joints < -0.5) | (joints > [159.5, 119.5])).any(-1)
        np.testing.assert_array_equal(valid, ~outside)


def test_the_silhouette_is_where_the_person_differs_from_the_background() -> None:
    for seed in range(8):
        frames, labels = draw_film(np.random.default_rng(seed), 3)
        change = np.abs(frames.astype(float) - labels.background)
        inside, outside = labels.silhouette > 250, labels.silhouette == 0
        assert np.median(change[inside]) > 2.5 * np.median(change[outside])


def test_a_body_is_as_high_as_its_scale_and_its_parts_are_in_order() -> None:
    _, labels = draw_film(np.random.default_rng(0), 6, 5, ("handwaving",), 0)
    head, neck, pelvis = (joint(labels, name)[:, 1] for name in ("head", "neck", "pelvis"))
    knee, ankle = joint(labels, "left_knee")[:, 1], joint(labels, "left_ankle")[:, 1]
    assert (head < neck).all() and (neck < pelvis).all() and (pelvis < knee).all()
    assert (knee < ankle).all()
    np.testing.assert_allclose((ankle - head) / labels.scale, 0.89, atol=0.03)


def test_left_and_right_are_the_persons_own_and_noses_point_ahead() -> None:
    _, facing = draw_film(np.random.default_rng(0), 6, 5, ("handclapping",), 0)
    for name in ("shoulder", "elbow", "knee"):
        assert (joint(facing, f"left_{name}") > joint(facing, f"right_{name}"))[:, 0].all()
    for seed in range(4):
        _, labels = draw_film(np.random.default_rng(seed), 6, 10, ("walking", "boxing"), 0)
        for front, back in (("nose", "head"), ("left_toe", "left_ankle")):
            ahead = (joint(labels, front) - joint(labels, back))[:, 0]
            assert (ahead * np.cos(labels.heading) > -0.1 * labels.scale).all()
            assert np.mean(ahead * np.cos(labels.heading)) > 0


@pytest.mark.parametrize("action", TRAVELLING)
def test_bodies_move_where_they_head_in_step_with_their_phase(action: str) -> None:
    ways = set()
    for seed in range(6):
        _, labels = draw_film(np.random.default_rng(seed), 12, 25, (action,), 0)
        moved = np.diff(pelvis(labels)[:, 0]) / labels.scale[1:]
        assert (moved * np.cos(labels.heading[1:]) > 0).all()
        assert (np.sign(moved) == labels.direction[1:]).all()
        assert labels.caption(0).endswith({-1: "left", 1: "right"}[labels.direction[0]])
        assert (np.diff(labels.phase) > 0).all()
        ways.add(labels.direction[0])
    assert ways == {-1, 1}


@pytest.mark.parametrize("action", ["boxing", "handclapping", "handwaving"])
def test_gestures_repeat_with_their_phase(action: str) -> None:
    _, labels = draw_film(np.random.default_rng(3), 150, 25, (action,), 0)
    assert (labels.direction == 0).all() and set(labels.action) == {action}
    turns = labels.phase - labels.phase[0]
    later = np.searchsorted(turns, 1)
    assert 0 < later < 100
    wrists = np.concatenate([joint(labels, "left_wrist"), joint(labels, "right_wrist")], 1)
    gap = np.abs(wrists[later : later + 20] - wrists[:20]).mean()
    half = np.abs(wrists[later // 2 : later // 2 + 20] - wrists[:20]).mean()
    assert gap < 0.35 * half


def test_films_of_a_seed_are_the_same_and_of_others_are_not() -> None:
    frames, labels = draw_film(np.random.default_rng(5))
    again, known = draw_film(np.random.default_rng(5))
    np.testing.assert_array_equal(frames, again)
    np.testing.assert_array_equal(labels.keypoints, known.keypoints)
    assert np.abs(draw_film(np.random.default_rng(6))[0].astype(float) - frames).mean() > 3


def test_recordings_have_labels_beside_them(rendered: Path) -> None:
    for name, ranges in listed(rendered).items():
        video = rendered / "walking" / f"{name}_uncomp.avi"
        frames, labels = decode(video), read_labels(video)
        assert labels is not None and len(labels) == len(frames)
        listed_frames = np.zeros(len(frames), bool)
        for first, last in ranges:
            listed_frames[first - 1 : last] = True
            way_known = np.diff(pelvis(labels)[first - 1 : last, 0]).mean()
            assert way_known * way(frames[first - 1 : last]) > 0
        np.testing.assert_array_equal(labels.present, listed_frames)
        assert not labels.silhouette[~labels.present].any()
        assert not labels.keypoints_valid[~labels.present].any()
        inside = labels.silhouette > 250
        change = np.abs(frames.astype(float) - labels.background)
        assert change[inside].mean() > 3 * change[labels.silhouette == 0].mean()


def test_no_labels_and_damaged_labels(rendered: Path, tmp_path: Path) -> None:
    assert read_labels(tmp_path / "person01_walking_d1_uncomp.avi") is None
    source = rendered / "walking" / "person01_walking_d1_labels.npz"
    damaged = tmp_path / source.name
    damaged.write_bytes(source.read_bytes()[:5000])
    with pytest.raises(ValueError, match=rf"{re.escape(str(damaged))}.*render"):
        read_labels(tmp_path / "person01_walking_d1_uncomp.avi")


def test_poses_are_those_of_films() -> None:
    for seed in range(6):
        _, labels = draw_film(np.random.default_rng(seed), 9, 8, transitions=0.5)
        poses = draw_poses(1, 9, 8, np.random.default_rng(seed))
        np.testing.assert_allclose(poses.keypoints[0], labels.keypoints, atol=1.3)  # shaking
        np.testing.assert_array_equal(poses.action[0], labels.action)
        for name in ("scale", "heading", "phase", "direction"):
            np.testing.assert_array_equal(getattr(poses, name)[0], getattr(labels, name))
        assert poses.captions.tolist() == [labels.caption(-1)]


def test_memory_does_not_grow_with_the_number_of_poses() -> None:
    tracemalloc.start()
    try:
        draw_poses(900, 20, 5, np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # what is worked out takes 200 kB for each, what is kept takes 5
    assert peak < 900 * 150_000


def test_anything_follows_anything_without_jumps() -> None:
    poses = draw_poses(1500, 30, 25, np.random.default_rng(1), transitions=1)
    pairs = set(zip(poses.action[:, 0], poses.action[:, -1], strict=True))
    assert len(pairs) == 36 - 3  # a gesture follows another one, not itself
    assert len(set(poses.captions)) == 9
    body = (poses.keypoints - pelvis(poses)[:, :, None]) / poses.scale[..., None, None]
    assert np.abs(np.diff(body, axis=1)).max() < 0.3
    assert np.abs(np.diff(pelvis(poses), axis=1) / poses.scale[:, 1:, None]).max() < 0.25
    turned = np.angle(np.exp(1j * np.diff(poses.heading, axis=1)))
    assert np.abs(turned).max() < 0.6
    before = poses.direction[:, :1] == poses.direction
    changed = poses.action != poses.action[:, :1]
    last = np.maximum(changed.argmax(1) - 1, 0)
    at = pelvis(poses)[np.arange(1500), last, 0][changed.any(1)]
    assert ((at > 0) & (at < 160)).mean() > 0.98
    assert before[:, 0].all() and (np.diff(before.astype(int), axis=1) <= 0).all()


def test_who_stops_or_turns_round_does_so_in_view() -> None:
    poses = draw_poses(1500, 60, 25, np.random.default_rng(1), transitions=1)
    across = poses.keypoints[..., 0]
    first, last = poses.action[:, 0], poses.action[:, -1]
    came = np.isin(first, TRAVELLING)
    stops = came & ~np.isin(last, TRAVELLING)
    wholly = ((across[:, -1] > -0.5) & (across[:, -1] < 159.5)).all(1)
    assert stops.sum() > 400 and wholly[stops].mean() > 0.95
    turns = came & ~stops & (poses.direction[:, 0] != poses.direction[:, -1])
    way = pelvis(poses)[..., 0] * poses.direction[:, :1]
    farthest = np.where(poses.direction[:, 0] > 0, 160, 0) - way.max(1)
    assert turns.sum() > 200 and (farthest[turns] > 0).all()


def test_half_of_all_ways_lead_to_either_side() -> None:
    poses = draw_poses(600, 4, 5, np.random.default_rng(2), TRAVELLING)
    assert abs(poses.direction[:, -1].mean()) < 0.15
    gone = pelvis(poses)[:, -1, 0] - pelvis(poses)[:, 0, 0]
    alone = poses.direction[:, 0] == poses.direction[:, -1]
    alone &= poses.action[:, 0] == poses.action[:, -1]
    assert (gone * poses.direction[:, -1] > 0)[alone].all()
