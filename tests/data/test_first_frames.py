"""First frames with right and wrong sentences: which frames, whose sentences, repeatable."""

from pathlib import Path

import numpy as np
import pytest
import torch

from toys import LEFT, RIGHT, decoded, numbered_clip, write_store
from videogeneration.captions import ActionGrammar, SceneGrammar
from videogeneration.data.clips import Clip, Clips, ClipStream, write_clips
from videogeneration.data.first_frames import FirstFrames, FirstFrameSettings
from videogeneration.models.people.skeleton import HEAD, PELVIS

SCENES = SceneGrammar(("house", "car", "key"))
PLAIN = FirstFrameSettings(early=0.0, mirror=0.0)


@pytest.fixture
def walkers(tmp_path: Path) -> Clips:
    """Clip 0 walks right, clip 1 left; frames 4 to 7 are in view; clip 2 shows nobody."""
    columns = [
        {"caption": RIGHT, "view_start": 4, "view_end": 8},
        {"caption": LEFT, "view_start": 4, "view_end": 8},
        {"caption": LEFT, "view_start": 0, "view_end": 0},
    ]
    clips = [(numbered_clip(i, 10), c) for i, c in enumerate(columns)]
    return write_store(tmp_path / "clips", clips)


def frames_of(clips: Clips, steps: int = 8, **settings: float) -> list[tuple[int, bool, str, str]]:
    """Grey value less one, whether mirrored, the right and the wrong sentence of many pictures."""
    grammar = ActionGrammar()
    cut = FirstFrames(clips, grammar, FirstFrameSettings(**{**vars(PLAIN), **settings}))
    found = []
    for step in range(steps):
        batch = cut.batch(step, 8)
        for picture, caption, wrong, seen in zip(*vars(batch).values(), strict=True):
            grey = round(float(picture[0, 3]) * 255) - 1
            right = decoded(grammar.vocabulary, caption.numpy())
            assert [grammar.sights[int(seen.argmax())]] == list(grammar.seen(right))
            assert seen.sum() == 1
            mirrored = bool(picture[0, 0] < 1)
            found.append((grey, mirrored, right, decoded(grammar.vocabulary, wrong.numpy())))
    return found


def test_the_very_first_frame_in_view_with_its_sentence(walkers: Clips) -> None:
    found = frames_of(walkers)
    assert {(grey, right) for grey, _, right, _ in found} == {(4, RIGHT), (24, LEFT)}
    assert not any(mirrored for _, mirrored, _, _ in found)


def test_early_frames_and_mirrored_copies_with_the_opposite_sentence(walkers: Clips) -> None:
    found = frames_of(walkers, steps=16, early=0.5, mirror=0.5)
    assert {grey for grey, *_ in found} == {4, 5, 24, 25}
    for grey, mirrored, right, _ in found:
        assert right == (RIGHT if (grey < 20) != mirrored else LEFT)
    assert {mirrored for _, mirrored, _, _ in found} == {True, False}


def test_wrong_sentences_are_those_of_pictures_that_there_are(walkers: Clips) -> None:
    # nobody boxes in these clips: to reject boxing would teach nothing
    grammar = ActionGrammar()
    assert {(right, grammar.seen(wrong)) for _, _, right, wrong in frames_of(walkers)} == {
        (RIGHT, ("to the left",)),
        (LEFT, ("to the right",)),
    }


def test_a_batch_depends_on_seed_and_step_alone(walkers: Clips) -> None:
    def cut(seed: int) -> FirstFrames:
        settings = FirstFrameSettings(early=1.0, mirror=0.5)
        return FirstFrames(walkers, ActionGrammar(), settings, seed)

    straight = list(cut(0).batches(0, 4, 8))
    later = list(cut(0).batches(2, 4, 8))
    for one, other in zip(straight[2:], later, strict=True):
        assert all(map(torch.equal, vars(one).values(), vars(other).values()))
    assert not torch.equal(straight[0].picture, straight[1].picture)
    assert not torch.equal(straight[0].picture, cut(1).batch(0, 8).picture)


def test_scenes_are_told_by_their_elements(tmp_path: Path) -> None:
    two = SCENES.sentence([("house", "up_down"), ("car", "left_right")])
    captions = [two, SCENES.sentence([("key", "circle_clockwise")])]
    clips = write_store(
        tmp_path / "clips",
        [(numbered_clip(i, 3), {"caption": caption}) for i, caption in enumerate(captions)],
    )
    batch = FirstFrames(clips, SCENES, PLAIN).batch(0, 16)
    for caption, wrong, seen in zip(batch.caption, batch.wrong, batch.seen, strict=True):
        right = decoded(SCENES.vocabulary, caption.numpy())
        named = {name for name, there in zip(SCENES.sights, seen, strict=True) if there}
        assert named == set(SCENES.seen(right))
        assert set(SCENES.seen(decoded(SCENES.vocabulary, wrong.numpy()))) != named


def test_a_sample_is_spread_over_the_clips(walkers: Clips) -> None:
    cut = FirstFrames(walkers, ActionGrammar(), PLAIN)
    pictures, captions = cut.sample(10)
    assert captions == [RIGHT, LEFT]
    assert np.rint(pictures[:, 0, 3] * 255).tolist() == [5, 25]
    assert len(cut.sample(1)[1]) == 1


def test_where_something_else_is_done_first_no_sentence_fits(tmp_path: Path) -> None:
    clips = write_store(
        tmp_path / "clips",
        [
            (numbered_clip(number, 10), {"caption": caption, "caption_from": begins})
            for number, (caption, begins) in enumerate([(LEFT, 0), (RIGHT, 0), (RIGHT, 4)])
        ],
    )
    assert len(FirstFrames(clips, ActionGrammar(), PLAIN)) == 2


def figure_clip(caption: str, left: int) -> Clip:
    """A dark person 8 pixels wide and 16 high before grey; the other two frames are bright."""
    frames = np.full((3, 64, 64), 100, np.uint8)
    frames[:, 20:36, left : left + 8] = 20
    joints = [(left + 3.5, 20 if number == HEAD else 35) for number in range(PELVIS + 1)]
    whole = np.array([False, True, False])
    labels = {
        "keypoints": np.repeat(np.float32([joints]), 3, axis=0),
        "keypoints_valid": np.repeat(whole[:, None], 4, axis=1),
    }
    frames[~whole] = 200
    row = {"clip_id": f"{caption} {left}", "split": "train", "caption": caption}
    return Clip(
        frames, {**row, "view_start": 0, "view_end": 3}, labels, np.full((64, 64), 100, np.uint8)
    )


def test_whole_people_stand_in_the_middle_at_one_height(tmp_path: Path) -> None:
    made = [figure_clip(LEFT, 4), figure_clip(RIGHT, 50)]
    clips = write_clips(tmp_path / "clips", ClipStream((64, 64), made))
    settings = FirstFrameSettings(early=1.0, mirror=0.0, height=0.5)
    pictures = FirstFrames(clips, ActionGrammar(), settings).batch(0, 12).picture.numpy()
    assert abs(pictures[:, 0, 0] - 100 / 255).max() < 0.01  # what comes into view is background
    assert pictures.max() < 101 / 255  # only frames that show somebody whole
    for dark in pictures < 60 / 255:
        rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
        assert abs(len(rows) - 32) <= 2 and abs(rows[-1] - 0.75 * 63) <= 1.5
        assert abs(len(columns) - 16) <= 2 and abs(columns.mean() - 31.5) <= 1
        assert dark.sum() == len(rows) * len(columns)  # one, and nothing beside


def test_clips_that_teach_nothing_are_refused(tmp_path: Path) -> None:
    hidden = write_store(
        tmp_path / "hidden", [(numbered_clip(0, 4), {"view_start": 0, "view_end": 0})]
    )
    with pytest.raises(ValueError, match="in view"):
        FirstFrames(hidden, ActionGrammar(), PLAIN)
    same = write_store(tmp_path / "same", [(numbered_clip(0, 4), {"caption": LEFT})])
    with pytest.raises(ValueError, match=r"\(to the left\).*no sentence is wrong"):
        FirstFrames(same, ActionGrammar(), PLAIN)
    with pytest.raises(ValueError, match=r"keypoints of a whole person.*first_frames\.height"):
        FirstFrames(same, ActionGrammar(), FirstFrameSettings(height=0.5))
    with pytest.raises(ValueError, match=r"(?s)early.*2"):
        FirstFrameSettings(early=2.0)
