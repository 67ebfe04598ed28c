"""What is asked of every model on the test clips, and the films that come of it."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

import numpy as np
import torch

from videogeneration.captions import Grammar, Vocabulary
from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_uint8
from videogeneration.data.windows import histories
from videogeneration.evaluation.baselines import copy_last, warp_last
from videogeneration.evaluation.predictions import Prediction
from videogeneration.evaluation.protocols import Protocol, Start, middle_starts, starts
from videogeneration.models.interface import FilmModel

logger = logging.getLogger(__name__)

Model = Callable[[Sequence[np.ndarray], Sequence[str], int], np.ndarray]
"""Given frames (float32 `[C, H, W]` in [0, 1] a film), sentences and a horizon to films, uint8
`[B, horizon, H, W]`."""

AT_ONCE, FRAMES_AT_ONCE = 8, 1600
"""Films that are drawn together, and frames of them: memory does not grow with their length. On a
CPU 32 take a quarter longer each, for what they need no longer fits into its caches."""

FROM_ONE_PICTURE = Protocol(1, 10)
"""How far films go that are read: do they do what the sentence says?"""


def network_model(network: FilmModel, vocabulary: Vocabulary, device: str = "cpu") -> Model:
    """A generator as a model; what it draws at random is the same every time."""

    def draw(given: Sequence[np.ndarray], sentences: Sequence[str], horizon: int) -> np.ndarray:
        history, valid = (x.to(device) for x in histories(given))
        matrices = np.stack([vocabulary.encode(sentence) for sentence in sentences])
        caption = torch.from_numpy(matrices).float().to(device)
        return to_uint8(network.generate(history, valid, caption, horizon, seed=0).cpu().numpy())

    return draw


def _baseline(draw: Callable[[np.ndarray, int], np.ndarray]) -> Model:
    """A film that is made of the given frames alone, whatever is said."""
    return lambda given, sentences, horizon: to_uint8(
        np.stack([draw(frames, horizon) for frames in given])
    )


BASELINES: dict[str, Model] = {"copy_last": _baseline(copy_last), "warp_last": _baseline(warp_last)}
"""What every table has: the last frame repeated, and the last frame moved on by its flow."""


def plan_films(
    models: Sequence[str],
    clips: Clips,
    grammar: Grammar,
    protocols: Sequence[Protocol],
    long_steps: int,
    asked: int,
    most: int,
    most_long: int,
) -> list[Prediction]:
    """Every film that is to be drawn of the test clips, see `predictions.KINDS`.

    Combinations that training never showed are asked apart (`held_out`). `warp_last` is drawn for
    the protocols alone: from one picture it equals `copy_last`. Baselines heed no sentence, so they
    are not asked every one.

    Args:
        models: Names.
        clips: The whole store.
        grammar: Knows which other sentences a picture can be asked.
        protocols: Given and drawn frames.
        long_steps: Steps of the long films.
        asked: Largest number of other sentences a picture; where the grammar has more, they take
            turns.
        most: Largest number of clips a protocol and kind.
        most_long: Largest number of long films a model.
    """
    test = clips.split("test")
    held_out = test.table.get("held_out", test.table["start"] < 0).astype(bool)
    shown = test.where(~held_out)
    pictures, long = middle_starts(shown, most), Protocol(1, long_steps)
    for_long = middle_starts(shown, min(most, most_long))
    of_protocols = [
        (model, "protocol", protocol, start, start.caption)
        for protocol in protocols
        for chosen in [starts(shown, protocol, most)]
        for model in models
        for start in chosen
    ]
    of_pictures: list[tuple[str, Protocol, Start, str]] = [
        *(("own", FROM_ONE_PICTURE, start, start.caption) for start in pictures),
        *(("swapped", FROM_ONE_PICTURE, *told) for told in _swapped(pictures, grammar, asked)),
        *(
            ("held_out", FROM_ONE_PICTURE, start, start.caption)
            for start in middle_starts(test.where(held_out), most)
        ),
        *(("long", long, start, start.caption) for start in for_long),
    ]
    of_one_picture = [
        ("every_sentence", FROM_ONE_PICTURE, start, sentence)
        for start in pictures[:1]
        for sentence in (start.caption, *grammar.alternatives(start.caption))
    ]
    films = of_protocols + [
        (model, *film)
        for model in models
        if model != "warp_last"
        for film in of_pictures + (of_one_picture if model not in BASELINES else [])
    ]
    return [
        Prediction(
            number,
            model,
            str(protocol),
            kind,
            start.clip,
            str(clips.table["clip_id"].iat[start.clip]),
            start.newest,
            sentence,
            protocol.horizon,
        )
        for number, (model, kind, protocol, start, sentence) in enumerate(films)
    ]


def _swapped(
    pictures: Sequence[Start], grammar: Grammar, asked: int
) -> Iterator[tuple[Start, str]]:
    """Pictures with other sentences; of one own sentence, all others take turns."""
    turns = Counter[str]()
    for start in pictures:
        others = grammar.alternatives(start.caption)
        for _ in range(min(asked, len(others))):
            yield start, others[turns[start.caption] % len(others)]
            turns[start.caption] += 1


def draw_films(
    models: Mapping[str, Model], clips: Clips, films: Sequence[Prediction]
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Draw films, some at once.

    Args:
        models: By name.
        clips: The whole store.
        films: In the order of `plan_films`.

    Yields:
        Row and frames of every film, as `write_predictions` takes them.
    """
    for _, alike in groupby(films, lambda film: (film.model, film.kind, film.protocol)):
        rest = list(alike)
        logger.info(
            "%s draws %d films: %s, %s", rest[0].model, len(rest), rest[0].protocol, rest[0].kind
        )
        many = max(1, min(AT_ONCE, FRAMES_AT_ONCE // rest[0].steps))
        while rest:
            some, rest = rest[:many], rest[many:]
            given = [film.given(clips) for film in some]
            sentences = [film.sentence for film in some]
            drawn = models[some[0].model](given, sentences, some[0].steps)
            yield from zip(map(asdict, some), drawn, strict=True)
