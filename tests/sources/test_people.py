import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from videogeneration.sources.people import WalkerSettings, gait, recordings, render_recordings

SMALL = WalkerSettings(subjects=2, scenarios=("d1", "d4"), sequences=2, seed=3, processes=1)


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
    rows = re.findall(r"^(person\d\d_[a-z]+_d\d)\t+frames\t(.+)\r$", text, re.MULTILINE)
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
    assert {path.name for path in rendered.glob("walking/*")} == {f"{n}_uncomp.avi" for n in names}
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
        text = recordings._sequence_list([recordings._Job(action, 1, scenario)], [[(1, 9)]])
        assert re.findall(rf"^{name}\t+frames", text, re.M) == re.findall(
            rf"^{name}\t+frames", real, re.M
        )


def test_someone_walks_through_and_back(rendered: Path) -> None:
    for name, ranges in listed(rendered).items():
        frames = decode(rendered / "walking" / f"{name}_uncomp.avi")
        first, second = (way(frames[start - 1 : end]) for start, end in ranges)
        assert first * second < 0, f"{name}: passes do not alternate"
        assert 1.2 < abs(first) < 4.5


def test_subjects_and_seeds_differ_and_processes_do_not(rendered: Path, tmp_path: Path) -> None:
    again = render_recordings(tmp_path / "again", WalkerSettings(**{**vars(SMALL), "processes": 2}))
    other = render_recordings(tmp_path / "other", WalkerSettings(**{**vars(SMALL), "seed": 4}))
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
    alone = WalkerSettings(**{**vars(SMALL), "subjects": 1, "scenarios": ("d4",)})
    folder = render_recordings(tmp_path / "alone", alone)
    path = "walking/person01_walking_d4_uncomp.avi"
    np.testing.assert_array_equal(decode(folder / path), decode(rendered / path))


@pytest.mark.parametrize("action", recordings.ACTIONS)
def test_every_action_renders(action: str, tmp_path: Path) -> None:
    settings = WalkerSettings(1, (action,), ("d2",), sequences=1, seed=1, processes=1)
    folder = render_recordings(tmp_path / "films", settings)
    (name,) = listed(folder)
    frames = decode(folder / action / f"{name}_uncomp.avi").astype(float)
    assert len(frames) == listed(folder)[name][0][1]
    moved = np.abs(np.diff(frames[:: max(1, len(frames) // 12)], axis=0)) > 30
    assert moved.any(axis=0).sum() > 60


def test_faster_actions_are_faster() -> None:
    speeds = []
    for action in ("walking", "jogging", "running"):
        settings = WalkerSettings(1, (action,), ("d1",), sequences=1, seed=2)
        frames, ranges = recordings._film(settings, recordings._Job(action, 1, "d1"))
        assert ranges == [(1, len(frames))]
        speeds.append(abs(way(np.array(frames))))
    assert speeds[0] * 1.3 < speeds[1] < speeds[2] / 1.3


def test_who_turns_leaves_where_they_came_in() -> None:
    settings = WalkerSettings(1, ("walking",), ("d1",), sequences=2, seed=5, turning=1.0)
    frames, ranges = recordings._film(settings, recordings._Job("walking", 1, "d1"))
    for start, end in ranges:
        columns = centres(np.array(frames[start - 1 : end]))
        seen = columns[~np.isnan(columns)]
        turn = np.argmax(np.abs(seen - seen[0]))
        assert abs(seen[turn] - seen[0]) > 35
        assert abs(seen[-1] - seen[0]) < 25


@pytest.mark.parametrize("name", gait.GAITS)
def test_feet_on_the_ground_do_not_slide(name: str) -> None:
    cycle = gait.Cycle(gait.GAITS[name], leg_length=0.51)
    phase = np.linspace(0, gait.GAITS[name].contact * 0.75, 40)
    leg = cycle.pose(phase).legs[1]
    ball = leg.ball[:, 0] + cycle.way(phase)
    flat = phase > 0.1
    assert np.ptp(ball[flat]) < 0.03 < 0.15 < np.ptp(leg.ball[flat, 0])
    assert np.abs(leg.ball[flat, 2]).max() < 0.04
    assert cycle.way(np.array([2.25])) == pytest.approx(
        cycle.stride * 2 + cycle.way(np.array([0.25]))
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subjects", 0),
        ("subjects", 26),
        ("subjects", 2.5),
        ("actions", ()),
        ("actions", ("dancing",)),
        ("actions", "walking"),
        ("scenarios", ("d1", "d1")),
        ("scenarios", ("d5",)),
        ("sequences", 0),
        ("seed", -1),
        ("processes", True),
        ("turning", 1.5),
        ("turning", "often"),
    ],
)
def test_settings_name_the_wrong_field(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{field} is {re.escape(repr(value))}; it must be"):
        WalkerSettings(**{field: value})


def test_finished_folders_are_left_alone_and_others_redone(tmp_path: Path) -> None:
    one = WalkerSettings(1, ("walking",), ("d4",), sequences=1, processes=1)
    folder = render_recordings(tmp_path / "films", one)
    (video,) = folder.glob("*/*.avi")
    before = video.stat().st_mtime_ns
    same = WalkerSettings(**{**vars(one), "processes": 2})
    assert render_recordings(folder, same) == folder
    assert video.stat().st_mtime_ns == before

    render_recordings(folder, WalkerSettings(**{**vars(one), "seed": 9}))
    assert json.loads((folder / "settings.json").read_text())["seed"] == 9
    assert video.stat().st_mtime_ns > before

    video.unlink()
    render_recordings(folder, WalkerSettings(**{**vars(one), "seed": 9}))
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
    one = WalkerSettings(1, ("walking",), ("d1", "d4"), sequences=1, processes=1)
    folder = render_recordings(tmp_path / "films", one)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    film = recordings._film

    def second_fails(settings: WalkerSettings, job: recordings._Job) -> object:
        if job.scenario == "d4":  # a folder in the way: the encoder cannot open its file
            (next(tmp_path.glob(".*")) / job.path).mkdir()
        return film(settings, job)

    monkeypatch.setattr(recordings, "_film", second_fails)
    with pytest.raises(OSError, match=r"cannot write .*person01_walking_d4_uncomp\.avi"):
        render_recordings(tmp_path / target, WalkerSettings(**{**vars(one), "seed": 1}))
    assert [path.name for path in tmp_path.iterdir()] == ["films"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
