"""The KTH human action dataset (Schuldt, Laptev, Caputo, ICPR 2004) in its own layout.

`sequences` reads the dataset's list, `videos` finds and decodes its files, `splits` divides the
subjects, `labels` says what is known of a sequence, `extraction` makes captioned clips of it all;
`films` adds many rendered people.
"""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np

from videogeneration.captions import ActionGrammar
from videogeneration.data.action_films import ActionFilms
from videogeneration.data.clips import HISTORY, Clip, Clips, ClipStream
from videogeneration.evaluation.judges import PeopleJudge
from videogeneration.sources.kth.extraction import extract_clips
from videogeneration.sources.kth.films import film_clips
from videogeneration.sources.kth.labels import sequences_of
from videogeneration.sources.kth.published import download
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.sources.people import draw_poses, render_recordings
from videogeneration.sources.people.recordings import FRAMES_PER_SECOND
from videogeneration.sources.source import PictureFormat, Source
from videogeneration.training.action_judge import ActionJudgeTask, JudgeSettings
from videogeneration.training.device import Device

CAMERA_ASPECT = 4 / 3
"""Width over height of what a camera saw; a frame shows it squeezed into a square."""


def _make(settings: KthSettings, folder: Path) -> ClipStream:
    if settings.source == "rendered" and not settings.folder:
        return _rendered(settings, folder)
    stream = extract_clips(settings.recordings(folder), settings)
    if not settings.mixed:
        return stream
    others = _rendered(replace(settings, split="prediction", test_subjects=()), folder)
    stream.clips = chain(stream.clips, (_for_training(clip) for clip in others.clips))
    stream.sequences = others.sequences
    stream.files = [*(stream.files or ()), *(others.files or ())]
    return stream


def _rendered(settings: KthSettings, folder: Path) -> ClipStream:
    """Clips of rendered people, and more of their motions than there are clips."""
    stream = extract_clips(render_recordings(folder / "rendered", settings.people), settings)
    stream.clips = chain(stream.clips, film_clips(settings))
    stream.report["short_films"] = settings.people.films
    if settings.motions:
        poses = draw_poses(
            settings.motions,
            2 * HISTORY,
            FRAMES_PER_SECOND / settings.clips.frame_step,
            np.random.default_rng([settings.people.seed, settings.motions]),
            settings.actions,
        )
        stream.sequences = sequences_of(poses, settings.clips.size)
    return stream


def _for_training(clip: Clip) -> Clip:
    row = {**clip.row, "split": "train", "clip_id": f"rendered_{clip.row['clip_id']}"}
    return replace(clip, row=row)


def _judge_task(
    clips: Clips, grammar: ActionGrammar, settings: JudgeSettings, device: Device
) -> ActionJudgeTask:
    """Rendered and recorded people, whose labels are not known, teach in equal parts."""
    rendered = clips.table["labels_valid"].astype(bool)
    films = [
        ActionFilms(clips.where(kind), grammar, settings.films, settings.seed + number)
        for number, kind in enumerate((rendered, ~rendered))
        if kind.any()
    ]
    return ActionJudgeTask.build(grammar, films, settings, device)


SOURCE = Source(
    name="kth",
    settings=KthSettings,
    make_clips=_make,
    grammar=lambda settings: ActionGrammar(settings.actions),
    judge=PeopleJudge,
    picture=PictureFormat(CAMERA_ASPECT, "scene"),
    download=download,
    judge_task=_judge_task,
)
