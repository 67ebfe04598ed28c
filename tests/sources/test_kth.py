"""The KTH reader: list, files, splits and extraction, on real recordings and on small AVI files."""

import logging
import tempfile
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from toys import CPU
from videogeneration.captions import ActionGrammar
from videogeneration.data.action_films import ActionFilmSettings
from videogeneration.data.clips import Clips, write_clips
from videogeneration.evaluation.judges import PeopleJudge
from videogeneration.sources.kth import SOURCE, videos
from videogeneration.sources.kth.extraction import ExtractionReport, extract_clips
from videogeneration.sources.kth.films import film_clips
from videogeneration.sources.kth.sequences import LIST_NAME, KthError, read_sequence_list
from videogeneration.sources.kth.settings import ClipSettings, KthSettings
from videogeneration.sources.kth.splits import assign_splits
from videogeneration.sources.kth.videos import VideoError, VideoFile, find_videos, read_frames
from videogeneration.sources.people.labels import Labels, write_labels
from videogeneration.training.action_judge import ActionJudgeTask, JudgeSettings

pytestmark = pytest.mark.slow

LABELS = {
    "present",
    "follows",
    "keypoints",
    "keypoints_valid",
    "silhouette",
    "scale",
    "heading",
    "phase",
}

HEADER = (
    "\nA list.\n\nTraining:   person11, 12\nValidation: person13\nTest:       person01, 02 \n\n"
)


def write_avi(path: Path, length: int = 40, speed: float = 3, seed: int = 0) -> Path:
    """A dark figure that crosses a textured 160x120 picture; faster than 0 moves to the right."""
    path.parent.mkdir(parents=True, exist_ok=True)
    background = np.random.default_rng(seed).integers(120, 150, (120, 160)).astype(np.uint8)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), 25, (160, 120))
    for time in range(length):
        frame = background.copy()
        centre = int(80 + speed * (time - (length - 1) / 2))
        frame[30:100, max(0, centre - 10) : max(0, centre + 10)] = 30
        writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


def write_list(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LIST_NAME
    path.write_bytes((header + "\n".join(lines) + "\n").replace("\n", "\r\n").encode())
    return path


def make_folder(folder: Path, subjects: range, length: int = 40) -> Path:
    """A folder with one walking video of each subject, one sequence each; odd ones go right."""
    for subject in subjects:
        name = f"person{subject:02d}_walking_d1_uncomp.avi"
        write_avi(folder / "walking" / name, length, 3 if subject % 2 else -3, subject)
    write_list(folder, [f"person{s:02d}_walking_d1\t\tframes\t1-{length}" for s in subjects])
    return folder


def settings_of(**changes: object) -> KthSettings:
    """Settings; those of `ClipSettings` by their own names."""
    clips = {"size": 64} | {
        x: changes.pop(x) for x in ClipSettings.__annotations__ & changes.keys()
    }
    return KthSettings(**{"split": "prediction", **changes, "clips": clips})  # type: ignore[arg-type]


def extract(folder: Path, store: Path, **settings: object) -> tuple[ExtractionReport, Clips]:
    clips = write_clips(store, extract_clips(folder, settings_of(**settings)))
    return ExtractionReport(**clips.report()), clips


# --- the list


def test_the_real_list_is_read_wholly(shared_data: Path) -> None:
    listed = read_sequence_list(shared_data / "kth" / LIST_NAME)
    assert len(listed.videos) == 599
    assert sum(len(video.ranges) for video in listed.videos.values()) == 2391
    assert "person13_handclapping_d3" not in listed.videos  # the list calls it missing
    parts = list(listed.authors_split.values())
    assert [parts.count(part) for part in ("train", "validation", "test")] == [8, 8, 9]
    assert listed.authors_split[11] == "train"
    assert listed.authors_split[4] == "validation"
    assert listed.authors_split[22] == "test"
    video = listed.videos["person08_walking_d1"]
    assert (video.subject, video.action, video.scenario) == (8, "walking", "d1")
    assert video.ranges == ((1, 78), (185, 258), (326, 398), (478, 552))
    # as it stands in the list: out of order
    assert listed.videos["person07_jogging_d4"].ranges[1:3] == ((270, 332), (194, 264))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("person03_walking_d1 frames 1-", "cannot read"),
        ("person03_walking_d1 frames", "cannot read"),
        ("person03_walking_d7 frames 1-20", "cannot read"),
        ("person03_skipping_d1 frames 1-20", "cannot read"),
        ("some text between the videos", "cannot read"),
        ("person03_walking_d1 frames 30-20", "30-20 is no range"),
        ("person03_walking_d1 frames 0-20", "0-20 is no range"),
        ("person03_walking_d1 frames 1-2000000", "1-2000000 is no range"),
        ("person03_walking_d1 frames 1-" + "9" * 5000, "cannot read"),
        ("person03_walking_d1 frames 1-9" + ", 1-9" * 200, "201 sequences of one video"),
        ("person01_walking_d1 frames 1-20", "listed twice"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = write_list(tmp_path, ["person01_walking_d1\t\tframes\t1-20", "", line])
    with pytest.raises(KthError, match=rf"{LIST_NAME}, line 10: .*{message}"):
        read_sequence_list(path)


def test_a_list_that_is_not_there_or_lists_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(KthError, match=rf"{LIST_NAME}: not found"):
        read_sequence_list(tmp_path / LIST_NAME)
    with pytest.raises(KthError, match="lists no video"):
        read_sequence_list(write_list(tmp_path, ["nothing here"]))


# --- the files


def test_videos_are_found_in_every_layout(tmp_path: Path) -> None:
    one = write_avi(tmp_path / "walking" / "person01_walking_d1_uncomp.avi", 5)
    two = write_avi(tmp_path / "walking" / "deeper" / "person02_walking_d1.avi", 5)
    flat = write_avi(tmp_path / "person03_walking_d1_uncomp.avi", 5)
    write_avi(tmp_path / "boxing" / "person03_boxing_d1_uncomp.avi", 5)
    (tmp_path / "walking" / "person09_walking_d1_notes.txt").write_text("no video")
    with zipfile.ZipFile(tmp_path / "walking.zip", "w") as archive:
        archive.write(one, "a/b/person01_walking_d1_uncomp.avi")
        archive.write(one, "a/b/person04_walking_d2_uncomp.avi")
    found = find_videos(tmp_path, ["walking"])
    assert list(found) == [f"person0{n}_walking_d{m}" for n, m in ((1, 1), (2, 1), (3, 1), (4, 2))]
    assert [found[name].path for name in list(found)[:3]] == [one, two, flat]
    assert found["person04_walking_d2"].member == "a/b/person04_walking_d2_uncomp.avi"


def test_folders_and_archives_as_people_have_them(tmp_path: Path) -> None:
    video = write_avi(tmp_path / "one.avi", 5).read_bytes()
    for name in ("Walking/person01_walking_d1_uncomp.AVI", "kth/Boxing/person01_boxing_d1.avi"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(video)
    archives = {
        "walking (1).zip": "person02_walking_d1_uncomp.avi",
        "downloads/all.ZIP": "KTH/Walking/person03_walking_d1_uncomp.AVI",
        "boxing.zip": "person02_boxing_d1_uncomp.avi",
    }
    for archive, member in archives.items():
        (tmp_path / archive).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / archive, "w") as opened:
            opened.writestr(member, video)
            opened.writestr(f"__MACOSX/._{member}", b"")
    (tmp_path / "jogging.zip").write_text("no archive, and nobody asks for it")
    found = find_videos(tmp_path, ["walking"])
    assert list(found) == [f"person0{n}_walking_d1" for n in (1, 2, 3)]
    for file in found.values():
        assert read_frames(file, np.ones(5, bool), 32)[1] == 5
    assert list(find_videos(tmp_path, ["boxing"])) == ["person01_boxing_d1", "person02_boxing_d1"]


def test_the_list_may_lie_deeper(tmp_path: Path) -> None:
    make_folder(tmp_path / "kth" / "deeper", range(11, 13))
    report, _ = extract(tmp_path / "kth", tmp_path / "clips", phases="first")
    assert report.clips == 2


def test_a_hostile_archive_stays_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write_avi(tmp_path / "one.avi", 5).read_bytes()
    folder = tmp_path / "data" / "kth"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "walking.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../person01_walking_d1.avi", video)
        archive.writestr("/tmp/person02_walking_d1.avi", bytes(50_000_000))
    before = sorted(tmp_path.rglob("*"))
    found = find_videos(folder, ["walking"])
    assert read_frames(found["person01_walking_d1"], np.ones(5, bool), 32)[1] == 5
    monkeypatch.setattr(videos, "MOST_BYTES", 40_000_000)
    with pytest.raises(VideoError, match=r"person02_walking_d1\.avi: 50,000,000 bytes"):
        read_frames(found["person02_walking_d1"], np.ones(5, bool), 32)
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/person02_walking_d1.avi").exists()


def test_recordings_lie_where_they_are_downloaded_to(tmp_path: Path) -> None:
    make_folder(tmp_path / "raw" / "recorded", range(11, 13))
    block = {"actions": "walking", "mixed": False, "clips": {"size": 64, "phases": "first"}}
    assert len(make_clips(tmp_path / "clips", source="recorded", **block)) == 2
    with pytest.raises(KthError, match=r"no such folder.*kth_download.*kth\.folder=PATH"):
        SOURCE.make_clips(SOURCE.read_settings({"source": "recorded"}), tmp_path)


def test_a_folder_or_archive_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(KthError, match="nowhere: no such folder"):
        find_videos(tmp_path / "nowhere", ["walking"])
    (tmp_path / "walking.zip").write_text("no archive")
    with pytest.raises(KthError, match=r"walking\.zip: cannot be opened"):
        find_videos(tmp_path, ["walking"])


def test_an_archived_video_decodes_like_the_plain_one_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = write_avi(tmp_path / "person01_walking_d1.avi", 12)
    with zipfile.ZipFile(tmp_path / "walking.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "x/person01_walking_d1.avi")
        archive.write(write_avi(tmp_path / "other.avi", 12, seed=1), "x/person02_walking_d1.avi")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    wanted = np.ones(12, bool)
    archived = VideoFile("person01_walking_d1", tmp_path / "walking.zip", "x/" + plain.name)
    frames, count = read_frames(archived, wanted, 32)
    expected, _ = read_frames(VideoFile("person01_walking_d1", plain), wanted, 32)
    assert count == 12
    np.testing.assert_array_equal(frames, expected)
    assert not list(scratch.iterdir())


def test_frames_are_those_that_opencv_reads(tmp_path: Path) -> None:
    path = write_avi(tmp_path / "person01_walking_d1.avi", 10)
    wanted = np.zeros(10, bool)
    wanted[[0, 7]] = True
    frames, count = read_frames(VideoFile("person01_walking_d1", path), wanted, 128)
    capture = cv2.VideoCapture(str(path))
    pictures = [capture.read()[1] for _ in range(10)]
    for index in (0, 7):
        grey = cv2.cvtColor(pictures[index], cv2.COLOR_BGR2GRAY)
        expected = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(frames[index], expected)
    assert count == 10


def broken_videos(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files that are no good video, and a part of the message."""
    whole = write_avi(folder / "whole.avi", 40).read_bytes()
    contents = {
        "empty": (b"", "is empty"),
        "text": (b"This is a text.\n" * 50, "no video"),
        "truncated": (whole[: len(whole) // 2], "truncated or damaged: it announces 40"),
        "header": (whole[:3000], "can be decoded|no video"),
    }
    paths = {}
    for name, (content, message) in contents.items():
        path = folder / f"{name}.avi"
        path.write_bytes(content)
        paths[name] = (path, message)
    return paths


@pytest.mark.parametrize("kind", ["empty", "text", "truncated", "header"])
def test_a_broken_video_is_named(tmp_path: Path, kind: str) -> None:
    path, message = broken_videos(tmp_path)[kind]
    with pytest.raises(VideoError, match=rf"{kind}\.avi: .*({message})"):
        read_frames(VideoFile("person01_walking_d1", path), np.ones(40, bool), 32)


# --- the splits


def test_named_assignments() -> None:
    authors = {1: "validation", 11: "train", 2: "test"}
    assert assign_splits([11, 2, 1], "authors", (), authors).parts == dict(sorted(authors.items()))
    split = assign_splits(range(1, 26), "prediction")
    assert split.subjects("train") == list(range(1, 17))
    assert split.subjects("test") == list(range(17, 26))
    assert split.subjects("validation") == []
    assert split.note is None


def test_lists_and_test_subjects() -> None:
    lists = {"train": [1, 2], "validation": [3], "test": [4, 5]}
    assert assign_splits([1, 3, 4], lists).parts == {1: "train", 3: "validation", 4: "test"}
    split = assign_splits([1, 2, 3, 4, 5], lists, [2, 5])
    expected = {1: "train", 2: "test", 3: "validation", 4: "train", 5: "test"}
    assert split.parts == expected


def test_every_fourth_subject_is_for_testing_where_a_part_is_empty() -> None:
    split = assign_splits([2, 3, 5, 7, 8, 9, 10, 12, 13], "prediction")
    assert split.subjects("test") == [7, 12]
    assert split.subjects("train") == [2, 3, 5, 8, 9, 10, 13]
    assert split.note and "every fourth" in split.note and "07, 12" in split.note
    assert assign_splits([1, 2], "prediction").subjects("test") == [2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 20], "autors"), "split: 'autors' does not exist; known: authors"),
        (([1, 20], "authors"), "split: 'authors' needs the lines"),
        (([1, 20], "prediction", [21]), "test_subjects: no video of person 21; .* 01, 20"),
        (([1, 20], "prediction", [1, 20]), "nobody is left for train"),
        (([1], "prediction"), "nobody is left for test"),
        (([1, 2, 3], {"train": [1], "test": [2]}), "split: person 03 in no part"),
        (([1, 2], {"train": [1], "test": [1, 2]}), "split: person 1 is in train and in test"),
    ],
)
def test_splits_that_cannot_be_made_say_why(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assign_splits(*arguments)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"actions": ["wlking"]}, "actions: 'wlking' does not exist; known: walking"),
        ({"actions": []}, "actions: name at least one"),
        ({"clips": {"size": 4}}, "clips.size: 4 should be greater than or equal to 16"),
        ({"clips": {"size": "big"}}, "clips.size: 'big' should be a valid integer"),
        ({"clips": {"sizes": 64}}, "clips.sizes: .* did you mean 'size'"),
        ({"clips": {"frame_step": 0}}, "clips.frame_step: 0"),
        ({"clips": {"processes": -1}}, "clips.processes: -1"),
        ({"clips": {"phases": "al"}}, "clips.phases: 'al' should be 'all' or 'first'"),
        ({"split": "predict"}, "split: 'predict' does not exist; known: authors, prediction"),
        ({"split": {"train": [1], "tests": [2]}}, "split: part 'tests' .* known: train"),
        ({"split": {"train": [1], "test": [1000]}}, r"split\.test: 1000 is no subject"),
        ({"test_subjects": "17,x"}, "test_subjects.*'17,x'"),
        ({"test_subjects": [1.5]}, r"test_subjects\.0: 1\.5"),
        ({"people": {"subjects": "many"}}, "people.subjects: 'many'"),
        ({"people": {"subject": 3}}, "people.subject: .* did you mean 'subjects'"),
        ({"people": {"actions": ["boxing"]}}, r"people\.actions: set kth\.actions"),
        ({"acitons": "boxing"}, "acitons: there is no such setting; did you mean 'actions'"),
        ({"source": "cinema"}, "source: 'cinema' should be 'rendered' or 'recorded'"),
    ],
)
def test_wrong_settings_are_named(block: dict, message: str) -> None:
    with pytest.raises(ValueError, match=rf"^kth\.{message}"):
        SOURCE.read_settings(block)


def test_settings_as_yaml_and_the_command_line_give_them() -> None:
    def read(**block: object) -> KthSettings:
        settings: KthSettings = SOURCE.read_settings({**block, "mse": {"steps": 3}}, ["mse"])
        return settings

    assert read(test_subjects="17+20").test_subjects == (17, 20)
    assert read(test_subjects=17).test_subjects == (17,)
    assert read(actions=["boxing"]).actions == ("boxing",)
    assert read(split={"train": "1+2", "test": 3}).split == {"train": (1, 2), "test": (3,)}
    # rendered people do what is asked for
    both = read(actions="walking+running", people={"subjects": 3})
    assert both.actions == both.people.actions == ("walking", "running")
    assert both.people.subjects == 3


PEOPLE = {"subjects": 2, "scenarios": ["d1"], "sequences": 1, "films": 3, "processes": 1}
"""Few people who are quickly drawn."""


def make_clips(store: Path, **block: object) -> Clips:
    """Clips as the data pipeline makes them."""
    return write_clips(store, SOURCE.make_clips(SOURCE.read_settings(block), store.parent / "raw"))


@pytest.mark.slow
def test_rendered_people_do_the_actions_that_are_asked_for(tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "clips", actions="running", people=PEOPLE, motions=20)
    assert set(clips.table["action"]) == {"running"}
    films = clips.table[clips.table["clip_id"].str.startswith("film")]
    assert set(films["split"]) == {"train"} and len(films) == 3 == clips.report()["short_films"]
    assert clips.report()["clips"] == len(clips) - 3
    assert set(clips.labels) == LABELS
    assert clips.table["labels_valid"].all()
    assert len(clips.sequences["caption"]) == 20
    assert {caption.split()[3] for caption in clips.sequences["caption"]} == {"running"}


@pytest.mark.slow
def test_single_films_do_not_depend_on_processes() -> None:
    one, two = (
        list(film_clips(SOURCE.read_settings({"people": {**PEOPLE, "processes": count}})))
        for count in (1, 2)
    )
    assert [clip.row["clip_id"] for clip in two] == ["film00000", "film00001", "film00002"]
    for alone, shared in zip(one, two, strict=True):
        np.testing.assert_equal(asdict(alone), asdict(shared))


def test_a_folder_is_enough_for_recordings(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 13))
    clips = make_clips(
        tmp_path / "clips", folder=str(folder), actions="walking", mixed=False, clips={"size": 64}
    )
    assert len(clips) == 10
    assert not (tmp_path / "raw").exists()


@pytest.mark.slow
def test_rendered_people_teach_beside_recorded_ones(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 13))
    chosen = {"actions": "walking", "test_subjects": 12, "people": PEOPLE, "motions": 20}
    clips = make_clips(tmp_path / "clips", folder=str(folder), **chosen)
    rendered = clips.table["clip_id"].str.startswith("rendered_")
    assert 0 < rendered.sum() < len(clips)
    assert clips.table["clip_id"].is_unique
    assert set(clips.table[rendered]["split"]) == {"train"}
    assert clips.table["labels_valid"].tolist() == rendered.tolist()
    assert set(clips.table[~rendered]["subject"]) == {11, 12}


# --- the extraction


def test_clips_of_the_recordings(shared_data: Path, tmp_path: Path) -> None:
    report, clips = extract(shared_data / "kth", tmp_path / "clips", size=128, actions="walking")
    videos = len(find_videos(shared_data / "kth", ["walking"]))
    assert (report.videos, report.sequences, report.clips) == (videos, 4 * videos, 20 * videos)
    assert (len(report.missing), report.bad, report.unreadable) == (100 - videos, [], [])
    assert report.subjects["test"] == [17, 18, 19, 20] and report.note is None
    table = clips.table
    assert table["direction"].value_counts().to_dict() == dict.fromkeys(
        ("left", "right"), 10 * videos
    )
    assert (table["direction_confidence"] > 0.5).all()
    alternate = table[table["phase"] == 0].groupby(["subject", "scenario"])["direction"]
    assert all(len(set(way[::2])) == len(set(way[1::2])) == 1 for _, way in alternate)

    index = table.index[table["clip_id"] == "person01_walking_d1_s2_p3"].item()
    row = table.loc[index]
    assert row["caption"] == "a person is walking to the right"
    assert (row["subject"], row["scenario"], row["sequence"], row["phase"]) == (1, "d1", 2, 3)
    assert row["split"] == "train"
    assert 0 < row["view_start"] < row["view_end"] < row["length"]
    assert (table["view_end"] > table["view_start"]).all()
    path = find_videos(shared_data / "kth", ["walking"])["person01_walking_d1"]
    frames, _ = read_frames(path, np.ones(225, bool), 128)
    np.testing.assert_array_equal(clips[index], frames[151 + 3 : 225 : 5])


def test_actions_without_a_direction(shared_data: Path, tmp_path: Path) -> None:
    actions = ("boxing", "handclapping", "handwaving")
    report, clips = extract(
        shared_data / "kth", tmp_path / "clips", actions=actions, phases="first"
    )
    assert report.sequences == report.clips == len(clips)
    assert set(clips.table["caption"]) == {
        "a person is boxing",
        "a person is clapping hands",
        "a person is waving hands",
    }
    assert clips.table["direction"].isna().all()


def test_of_recordings_nobody_knows_the_labels(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(1, 3))
    report, clips = extract(folder, tmp_path / "clips", size=128)
    assert not report.labels
    assert not clips.table["labels_valid"].any()
    assert set(clips.labels) == LABELS
    assert not any(values.any() for values in clips.labels.values())


def test_the_background_of_who_walks_is_the_median_over_time(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(1, 3))
    _, clips = extract(folder, tmp_path / "clips", size=128)
    for index, subject in enumerate(clips.table["subject"]):
        empty = np.random.default_rng(subject).integers(120, 150, (120, 160)).astype(np.uint8)
        expected = cv2.resize(empty, (128, 128), interpolation=cv2.INTER_AREA).astype(int)
        background = clips.background(index)
        assert background is not None
        assert np.abs(background - expected).mean() < 4


def test_of_who_stays_no_background_is_estimated(tmp_path: Path) -> None:
    folder = tmp_path / "kth"
    for subject in (11, 12):
        write_avi(folder / "boxing" / f"person{subject}_boxing_d1_uncomp.avi", 40, 0, subject)
    write_list(folder, [f"person{s}_boxing_d1\t\tframes\t1-40" for s in (11, 12)])
    _, clips = extract(folder, tmp_path / "clips", actions="boxing")
    assert not clips.table["background_valid"].any()
    assert clips.background(0) is None
    assert (clips.table["view_end"] == clips.table["length"]).all()


def labelled_folder(
    folder: Path, subjects: range, length: int = 40, before: tuple[str, int] = ("walking", 0)
) -> Path:
    """The recordings of `make_folder`, and labels that are true of them.

    Another action may come `before`, for so many frames.
    """
    make_folder(folder, subjects, length)
    for subject in subjects:
        video = folder / "walking" / f"person{subject:02d}_walking_d1_uncomp.avi"
        speed = 3 if subject % 2 else -3
        column = 80 + speed * (np.arange(length) - (length - 1) / 2)
        keypoints = np.zeros((length, 16, 2), np.float32)
        keypoints[..., 0], keypoints[..., 1] = column[:, None], np.linspace(30, 99, 16)
        inside = (keypoints[..., 0] > 0) & (keypoints[..., 0] < 159)
        silhouette = np.zeros((length, 120, 160), np.uint8)
        for frame, centre in zip(silhouette, column.astype(int), strict=True):
            frame[30:100, max(0, centre - 10) : max(0, centre + 10)] = 255
        write_labels(
            video,
            Labels(
                keypoints=keypoints,
                keypoints_valid=inside,
                silhouette=silhouette,
                background=np.full((120, 160), 77, np.uint8),
                scale=np.full(length, 70, np.float32),
                heading=np.zeros(length, np.float32),
                phase=np.arange(length, dtype=np.float32) / 25,
                action=np.array([before[0]] * before[1] + ["walking"] * (length - before[1])),
                direction=np.full(length, np.sign(speed), np.int8),
                present=np.ones(length, bool),
            ),
        )
    return folder


def test_what_a_renderer_knows_is_read_and_not_estimated(tmp_path: Path) -> None:
    folder = labelled_folder(tmp_path / "kth", range(1, 3))
    report, clips = extract(folder, tmp_path / "clips", size=128, actions="walking")
    assert report.labels
    assert set(clips.labels) == LABELS
    for index, row in clips.table.iterrows():
        labels = {name: x[clips.rows(index)] for name, x in clips.labels.items()}
        assert row["direction"] == ("right" if row["subject"] % 2 else "left")
        assert row["direction_confidence"] == 1
        # the silhouette lies where the frame is dark, and the joints within it
        frames, silhouette = clips[index].astype(int), labels["silhouette"]
        assert row["view_end"] > row["view_start"] + 2
        for time in range(row["view_start"], row["view_end"]):
            frame, mask = frames[time], silhouette[time]
            assert frame[mask > 200].mean() < 50 < 100 < frame[mask == 0].mean()
            columns = np.flatnonzero(mask.max(axis=0) > 127)
            assert labels["keypoints"][time, 0, 0] == pytest.approx(columns.mean(), abs=1.5)
            x, y = labels["keypoints"][time].round().astype(int).T
            assert (mask[y, x] > 0).all()
        assert labels["scale"] == pytest.approx(np.full(row["length"], 70 * 128 / 120))
        times = row["phase"] + 5 * np.arange(row["length"])
        assert labels["phase"] == pytest.approx(times / 25)
        assert (clips.background(index) == 77).all()


def test_a_caption_holds_from_where_nothing_else_is_done(tmp_path: Path) -> None:
    folder = labelled_folder(tmp_path / "changing", range(1, 3), before=("running", 12))
    _, clips = extract(folder, tmp_path / "clips", actions="walking")
    for index, row in clips.table.iterrows():
        follows = clips.labels["follows"][clips.rows(index)]
        begins = -(-(12 - row["phase"]) // 5)
        assert row["caption_from"] == begins
        assert follows.tolist() == [time >= begins for time in range(row["length"])]
        assert row["view_start"] >= begins
    _, clips = extract(labelled_folder(tmp_path / "kth", range(1, 3)), tmp_path / "plain")
    assert (clips.table["caption_from"] == 0).all()


def test_rendered_and_recorded_people_teach_the_judge_in_equal_parts(tmp_path: Path) -> None:
    folder = labelled_folder(tmp_path / "kth", range(1, 5))
    clips = extract(folder, tmp_path / "clips", actions="walking")[1]
    settings = JudgeSettings(batch_size=6, films=ActionFilmSettings(size=32))
    table = clips.table.assign(labels_valid=clips.table["subject"] > 1)
    assert SOURCE.judge_task is not None
    for known, counts in ((clips.table, [6]), (table, [3, 3])):
        mixed = replace(clips, table=known)
        task = SOURCE.judge_task(mixed, ActionGrammar(("walking",)), settings, CPU)
        assert isinstance(task, ActionJudgeTask)
        assert len(task.films) == len(counts)
        assert all(films.clips.table["labels_valid"].nunique() == 1 for films in task.films)
        (batch,) = task.batches(0, 1)
        assert len(batch.film) == sum(counts)
    judge = SOURCE.judge(ActionGrammar(("walking",)), task.result())
    assert isinstance(judge, PeopleJudge)


def test_labels_are_estimated_where_one_video_has_none(tmp_path: Path) -> None:
    folder = labelled_folder(tmp_path / "kth", range(1, 4))
    (folder / "walking" / "person02_walking_d1_labels.npz").unlink()
    report, clips = extract(folder, tmp_path / "clips")
    assert not report.labels
    assert not clips.table["labels_valid"].any()


def test_labels_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    folder = labelled_folder(tmp_path / "kth", range(1, 13))
    (folder / "walking" / "person02_walking_d1_labels.npz").write_text("no labels")
    report, _ = extract(folder, tmp_path / "clips")
    assert len(report.bad) == 1
    assert "person02_walking_d1_labels.npz" in report.bad[0]


def test_the_store_does_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 23))
    alone = extract(folder, tmp_path / "one", processes=1)[1]
    together = extract(folder, tmp_path / "four", processes=4)[1]
    assert alone.fingerprint() == together.fingerprint()
    assert list(alone.table["direction"][::5]) == ["right", "left"] * 6


def test_one_bad_video_among_many_is_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 23))
    (folder / "walking" / "person13_walking_d1_uncomp.avi").write_text("no video")
    with caplog.at_level(logging.INFO):
        report, clips = extract(folder, tmp_path / "clips")
    assert report.videos == 11 and 13 not in set(clips.table["subject"])
    assert len(report.bad) == 1 and "person13_walking_d1_uncomp.avi" in report.bad[0]
    assert "skipped" in caplog.text and "person13_walking_d1_uncomp.avi" in caplog.text


def test_more_than_a_tenth_bad_is_an_error_that_lists_them(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 23))
    (folder / "walking" / "person13_walking_d1_uncomp.avi").write_text("no video")
    (folder / "walking" / "person20_walking_d1_uncomp.avi").write_bytes(b"")
    with pytest.raises(KthError, match=r"(?s)2 of 12 videos.*person13.*no video.*person20.*empty"):
        extract(folder, tmp_path / "clips")
    assert not (tmp_path / "clips").exists()


def test_a_video_that_is_shorter_than_its_list_keeps_its_whole_sequences(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 13))
    lines = ["person11_walking_d1 frames 1-60, 1-40", "person12_walking_d1 frames 1-40, 21-41"]
    write_list(folder, lines)
    with caplog.at_level(logging.INFO):
        report, clips = extract(folder, tmp_path / "clips", phases="first")
    assert list(clips.table["clip_id"]) == [
        "person11_walking_d1_s2_p0",
        "person12_walking_d1_s1_p0",
    ]
    assert (report.bad, len(report.short), report.frames_decoded) == ([], 2, 80)
    (line,) = (line for line in caplog.messages if "person12" in line and "left out" in line)
    for part in ("person12_walking_d1_uncomp.avi has 40 frames", LIST_NAME, "41: 1 of 2 left out"):
        assert part in line


def test_a_video_without_a_whole_sequence_is_bad(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 22))
    path = folder / LIST_NAME
    path.write_text(
        path.read_text().replace("12_walking_d1\t\tframes\t1-40", "12_walking_d1 frames 2-41")
    )
    report, _ = extract(folder, tmp_path / "clips")
    assert len(report.bad) == 1
    for part in (LIST_NAME, "person12_walking_d1_uncomp.avi", "has 40", "get the file again"):
        assert part in report.bad[0]


def test_missing_and_unlisted_videos_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 17))
    (folder / "walking" / "person11_walking_d1_uncomp.avi").unlink()
    write_avi(folder / "walking" / "person17_walking_d1.avi")
    with caplog.at_level(logging.INFO):
        report, _ = extract(folder, tmp_path / "clips")
    assert report.missing == ["person11_walking_d1"]
    assert report.unlisted == ["person17_walking_d1"]
    assert "1 videos in the list but not in the folder: person11_walking_d1" in caplog.text
    assert report.note and report.note in caplog.text


def test_a_sequence_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 14))
    write_avi(folder / "walking" / "person12_walking_d1_uncomp.avi", speed=0)
    report, clips = extract(folder, tmp_path / "clips")
    assert report.unreadable == ["person12_walking_d1_s1"]
    assert set(clips.table["subject"]) == {11, 13}
    assert any("person12_walking_d1_s1" in line for line in report.lines())


def test_clips_of_fewer_than_two_frames_are_left_out(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 13))
    report, clips = extract(folder, tmp_path / "clips", frame_step=30)
    assert (report.clips, report.short_clips) == (20, 40)
    assert set(clips.table["length"]) == {2}
    with pytest.raises(KthError, match="no clip came of 2 videos"):
        extract(folder, tmp_path / "none", frame_step=41)
    assert not (tmp_path / "none").exists()


def test_archives_and_test_subjects(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "kth", range(11, 14))
    with zipfile.ZipFile(folder / "walking.zip", "w") as archive:
        for path in sorted((folder / "walking").iterdir()):
            archive.write(path, f"walking/{path.name}")
            path.unlink()
    report, clips = extract(folder, tmp_path / "clips", test_subjects="12", phases="first")
    assert list(clips.table["split"]) == ["train", "test", "train"]
    assert list(clips.table["phase"]) == [0, 0, 0]
    assert report.note is None


def test_folders_without_videos_or_list_say_so(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    write_list(empty, ["person01_walking_d1 frames 1-20"])
    with pytest.raises(KthError, match="empty: no video of walking"):
        extract(empty, tmp_path / "clips")
    folder = make_folder(tmp_path / "kth", range(11, 13), length=8)
    (folder / LIST_NAME).unlink()
    with pytest.raises(KthError, match=f"{LIST_NAME}: not found"):
        extract(folder, tmp_path / "clips")
    write_list(folder, ["person01_boxing_d1 frames 1-20"])
    with pytest.raises(KthError, match="lists none of the 2 videos"):
        extract(folder, tmp_path / "clips")
