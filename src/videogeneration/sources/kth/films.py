"""Clips of single films of rendered people: many people teach more than many films of a few."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from tqdm import tqdm

from videogeneration.data.clips import HISTORY, Clip
from videogeneration.sources.kth.extraction import clip_row
from videogeneration.sources.kth.labels import known, resized
from videogeneration.sources.kth.settings import KthSettings
from videogeneration.sources.people import draw_film
from videogeneration.sources.people.recordings import FRAMES_PER_SECOND
from videogeneration.sources.processes import done

LENGTH = HISTORY + 2
"""Frames of a film."""


def film_clips(settings: KthSettings) -> Iterator[Clip]:
    """Clips for training, `settings.people.films` of them, each of another person.

    They are drawn here, or in several processes a few ahead of the one that is taken, and do not
    depend on how many these are. Rows are those of `extract_clips`, but for `subject` 0 and
    `scenario` None.
    """
    people = settings.people
    films = done(partial(_draw, settings), range(people.films), people.processes)
    yield from tqdm(films, "Drawing people", people.films, unit="film", disable=None)


def _draw(settings: KthSettings, number: int) -> Clip:
    people, size = settings.people, settings.clips.size
    frames, labels = draw_film(
        np.random.default_rng([people.seed, number, 5]),
        LENGTH,
        FRAMES_PER_SECOND / settings.clips.frame_step,
        people.actions,
        people.transitions,
    )
    facts = known(labels, size)
    row = {
        "clip_id": f"film{number:05d}",
        "split": "train",
        **clip_row(facts, slice(None)),
        "subject": 0,
        "action": str(labels.action[-1]),
        "scenario": None,
        "sequence": 1,
        "phase": 0,
    }
    small = np.stack([resized(frame, size) for frame in frames])
    return Clip(small, row, facts.labels, facts.background)
