"""Scores of predicted films: how close, and whether they do what the sentence says.

Predictions come with the whole store of clips that they were drawn from, and with the judge of the
clips' source.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips
from videogeneration.data.frames import to_float
from videogeneration.evaluation.frechet import frechet_distance
from videogeneration.evaluation.judges import Judge, LearnedJudge
from videogeneration.evaluation.metrics import (
    ENDING_METRICS,
    FIGURE_METRICS,
    METRICS,
    score_ending,
    score_film,
)
from videogeneration.evaluation.predictions import Prediction, Predictions
from videogeneration.evaluation.protocols import middle_starts

SCORE_COLUMNS = ["model", "protocol", "step"]
FILM_COLUMNS = ["model", "protocol", "clip_id"]
FOLLOWED_COLUMNS = ["model", "caption", "clip_id", "sentence", "figures", "followed", "read"]
CONFUSION_COLUMNS = ["model", "asked", "read"]

FRECHET = "frechet"
"""Column of a score table: how far a protocol's films are from true ones, at its last step."""

ENDINGS = ("left", "still")
"""What a judge may say of a long film, see `Judge.ending`."""

NOTHING = "nothing"
"""What is read from a film that follows no sentence."""


def measure(predictions: Predictions, clips: Clips, judge: Judge) -> pd.DataFrame:
    """Measure the films of every model under every protocol.

    The judge says what is behind the figures where the clips' source does not know it.

    Returns:
        A row a (model, protocol, clip_id, step), steps from 1, with `METRICS`, NaN where one is not
        defined. A film whose clip ends early has the steps that the clip has.
    """
    rows, scores = predictions.select(kind="protocol"), []
    for row in rows:
        true = row.true(clips)
        background = _background(clips, judge, row.clip)
        film = predictions.film(row.film)[: len(true)]
        scores.append(score_film(film, true, row.given(clips), background))
    steps = [len(values) for values in scores]
    films = [[getattr(row, name) for name in FILM_COLUMNS] for row in rows]
    table = pd.DataFrame(films, columns=FILM_COLUMNS).loc[np.repeat(range(len(rows)), steps)]
    table["step"] = np.concatenate([np.arange(1, count + 1) for count in steps])
    table[list(METRICS)] = np.concatenate(scores)
    return table.reset_index(drop=True)


def _background(clips: Clips, judge: Judge, number: int) -> np.ndarray | None:
    """What is behind the figures of a clip of the store, float32 in [0, 1], where it is known."""
    known = clips.background(number)
    if known is not None:
        return to_float(known)
    return judge.background(clips[number], str(clips.table["caption"].iat[number]))


def score(measured: pd.DataFrame) -> pd.DataFrame:
    """`scores.csv` of what `measure` makes: a row a (model, protocol, step).

    Each metric is the mean over those of the `n` films that reach the step for which it is defined:
    `FIGURE_METRICS` over the `n_figure` whose true frame has its figure, `left_in_time` over the
    `n_left` whose true frame has lost it.
    """
    groups = measured.groupby(SCORE_COLUMNS, sort=False)
    table = groups[list(METRICS)].mean()
    table.insert(0, "n", groups.size())
    table["n_figure"] = groups["foreground_psnr"].count()
    table["n_left"] = groups["left_in_time"].count()
    return table.reset_index()


def frechet_distances(predictions: Predictions, clips: Clips, judge: LearnedJudge) -> pd.DataFrame:
    """How far films under every protocol are from true ones in what figures look like and do.

    Returns:
        A row a (model, protocol) of two films or more: `model`, `protocol`, `step` (the last one
        that a true film reaches), `frechet`: the Fréchet distance of the judge's features of
        films, from the newest given frame on, to those of the true films from there.
    """
    rows, films = [], predictions.table[predictions.table["kind"] == "protocol"]
    length = clips.table["length"].to_numpy()
    for protocol, models in films.groupby("protocol", sort=False)["model"].unique().items():
        true = None
        for model in models:
            some = predictions.select(kind="protocol", protocol=str(protocol), model=model)
            if len(some) < 2:
                continue
            if true is None:  # of the same clips for every model
                true = judge.features(_going_on(some, clips))
            found = judge.features(_going_on(some, clips, predictions))
            last = max(min(row.steps, int(length[row.clip]) - 1 - row.newest) for row in some)
            rows.append((model, protocol, last, frechet_distance(true, found)))
    return pd.DataFrame(rows, columns=[*SCORE_COLUMNS, FRECHET])


def _going_on(
    rows: Sequence[Prediction], clips: Clips, predictions: Predictions | None = None
) -> Iterator[np.ndarray]:
    """Films from their newest given frame on, the true ones where no predictions are given."""
    for row in rows:
        true = row.true(clips)
        film = true if predictions is None else predictions.film(row.film)[: len(true)]
        yield np.concatenate([row.given(clips)[-1:], film])


def score_films(measured: pd.DataFrame) -> pd.DataFrame:
    """`scored_films.csv` of what `measure` makes: a row a film, each the mean over its steps."""
    return measured.groupby(FILM_COLUMNS, sort=False)[list(METRICS)].mean().reset_index()


def follow(predictions: Predictions, clips: Clips, judge: Judge) -> pd.DataFrame:
    """Read whether films of kinds `own`, `swapped` and `held_out` do what the sentence says.

    Returns:
        `followed_films.csv`: a row a film: `model`, `caption` (the kind: `own` is the clip's
        sentence, `swapped` another one for the same frame, `held_out` a sentence that training
        never showed), `clip_id`, `sentence`, `figures` (the number that the sentence names),
        `followed`, `read` (the sentence that the judge reads, or `NOTHING`). The model `truth` is
        the judge on the true frames.
    """
    rows = []
    for kinds in (("own", "swapped"), ("held_out",)):
        pictures = {row.clip: row for row in predictions.select(kind=kinds[0])}
        for row in pictures.values():
            rows.append(("truth", *_read(row, row.true(clips), clips, judge)))
        for model in predictions.table["model"].unique():
            for row in (x for kind in kinds for x in predictions.select(model=model, kind=kind)):
                rows.append((model, *_read(row, predictions.film(row.film), clips, judge)))
    return pd.DataFrame(rows, columns=FOLLOWED_COLUMNS)


def _read(row: Prediction, film: np.ndarray, clips: Clips, judge: Judge) -> tuple[Any, ...]:
    """What `follow` says of one film, float32 `[T, H, W]`."""
    clip = clips[row.clip]
    about = {str(name): value for name, value in clips.table.iloc[row.clip].items()}
    film = np.concatenate([row.given(clips), film])
    read = judge.read(film, clip, about)
    # to read costs most: who follows nothing, or just this sentence, is read once
    followed = read is not None and (
        read == row.sentence or judge.followed(film, row.sentence, clip, about)
    )
    figures = len(judge.grammar.seen(row.sentence))
    return row.kind, row.clip_id, row.sentence, figures, followed, read or NOTHING


def following_rates(films: pd.DataFrame) -> pd.DataFrame:
    """`caption_following.csv` of `followed_films.csv`.

    Returns:
        A row a (model, caption): `model, caption, n, followed, rate`, see `sentence_rates`.
    """
    return _rates(films, ["model", "caption"])


def sentence_rates(films: pd.DataFrame, grammar: Grammar) -> pd.DataFrame:
    """`sentence_following.csv` of `followed_films.csv`: which sentences are followed how often.

    Returns:
        A row a (model, caption, asked), `asked` one of the sentence's clauses
        (`Grammar.clauses`): `n` films in which it was asked, the number `followed`, and the `rate`.
    """
    films = films.assign(asked=films["sentence"].map(lambda said: list(grammar.clauses(said))))
    return _rates(films.explode("asked"), ["model", "caption", "asked"])


def _rates(films: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """How often films with the same values in some columns do as told."""
    groups = films.groupby(columns, sort=False)["followed"]
    table = groups.agg(n="size", followed="sum").reset_index()
    table["followed"] = table["followed"].astype(int)
    table["rate"] = [round(rate, 4) for rate in table["followed"] / table["n"]]
    return table


def confusion(films: pd.DataFrame, grammar: Grammar) -> pd.DataFrame:
    """`confusion.csv` of `followed_films.csv`: what was asked, and what was read instead.

    Returns:
        A row a (model, asked, read) with its number `n` of figures. Both are clauses of the grammar
        (`Grammar.clauses`): the sentence, or, where sentences name figures, what each is told.
    """
    rows = []
    for model, asked, read in zip(films["model"], films["sentence"], films["read"], strict=True):
        told = grammar.clauses(asked)
        does = (NOTHING,) * len(told) if read == NOTHING else grammar.clauses(read)
        rows += [(model, *pair) for pair in zip(told, does, strict=True)]
    table = pd.DataFrame(rows, columns=CONFUSION_COLUMNS)
    groups = table.groupby(CONFUSION_COLUMNS, sort=False)
    return groups.size().rename("n").reset_index()


def follow_alone(
    predictions: Predictions, clips: Clips, judge: Judge, opening: int, most: int
) -> pd.DataFrame:
    """Measure how often films that come from no clip do what their sentence says.

    Args:
        predictions: With the columns `model` and `sentence`; first frames are in front.
        clips: The whole store; true films of its test clips, and nothing else of them, the judge
            reads for comparison.
        judge: Reads films.
        opening: Steps that are read of a longer film.
        most: Largest number of true films.

    Returns:
        `film_following.csv`, in the columns of `caption_following.csv`: a row a (model, caption),
        the caption `all` counting all of a model's sentences.
    """
    table = predictions.table
    steps = min(opening, int(table["steps"].max()))
    columns = ["model", "caption", "followed"]
    true = [
        ("truth", "all", judge.followed(to_float(start.film(clips, steps)), start.caption))
        for start in middle_starts(clips.split("test"), most)
    ]
    drawn = [
        (model, said, judge.followed(predictions.film(film)[: steps + 1], said))
        for film, model, said in zip(table.index, table["model"], table["sentence"], strict=True)
    ]
    films = [pd.DataFrame(true, columns=columns)]
    for _, own in pd.DataFrame(drawn, columns=columns).groupby("model", sort=False):
        films += [own, own.assign(caption="all")]
    return following_rates(pd.concat(films))


def score_endings(predictions: Predictions, clips: Clips, judge: Judge) -> pd.DataFrame:
    """Look at the last frame of films of kind `long`, each with its clip's own sentence.

    Returns:
        A row a model: `model, steps, n, drift, presence, sharpness, left, n_left, still, n_still`:
        `ENDING_METRICS` of the last frame, the share of those figures that the sentence sends out
        of the picture which have left it by its side, and the share of those that stay which still
        do what it says; each the mean over the films for which it is defined, `n_left` and
        `n_still` of them.
    """
    rows = []
    for row in predictions.select(kind="long"):
        clip, given, film = clips[row.clip], row.given(clips), predictions.film(row.film)
        background = _background(clips, judge, row.clip)
        values = score_ending(film[-1], given[-1], clip, background)
        ending = judge.ending(np.concatenate([given, film]), row.sentence, background)
        ends = [float(ending.get(name, np.nan)) for name in ENDINGS]
        rows.append((row.model, row.steps, *values, *ends))
    measured = pd.DataFrame(rows, columns=["model", "steps", *ENDING_METRICS, *ENDINGS])
    groups = measured.groupby(["model", "steps"], sort=False)
    table = groups[list(ENDING_METRICS)].mean()
    table.insert(0, "n", groups.size())
    for name in ENDINGS:
        table[name], table[f"n_{name}"] = groups[name].mean(), groups[name].count()
    return table.reset_index()


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean over steps, weighted by the films that count at each: a row a (model, protocol)."""
    metrics = [name for name in (*METRICS, FRECHET) if name in scores]
    counts = pd.DataFrame(dict.fromkeys(metrics, scores["n"]))
    counts[list(FIGURE_METRICS)] = scores[["n_figure"] * len(FIGURE_METRICS)].to_numpy()
    counts["left_in_time"] = scores["n_left"]
    weights = counts.where(scores[metrics].notna(), 0)
    keys = [scores["protocol"], scores["model"]]
    total = (scores[metrics].fillna(0) * weights).groupby(keys, sort=False).sum()
    weight = weights.groupby(keys, sort=False).sum()
    table = total / weight.where(weight > 0)
    table.insert(0, "n", scores["n"].groupby(keys, sort=False).max())
    return table.reset_index()


def headline(scores: pd.DataFrame, following: pd.DataFrame, model: str) -> dict[str, float]:
    """A model in two figures.

    Args:
        scores: As `score` makes it.
        following: As `following_rates` makes it.
        model: A model in them.

    Returns:
        `foreground_psnr`, in dB, the mean over protocols; and `rate`, the share of films from one
        picture, of own and other sentences, that do what the sentence says. What was not measured
        is absent.
    """
    summary, films = (table[table["model"] == model] for table in (summarise(scores), following))
    figures = {"foreground_psnr": summary["foreground_psnr"].mean()}
    figures["rate"] = films["followed"].sum() / films["n"].sum() if len(films) else np.nan
    return {name: float(value) for name, value in figures.items() if pd.notna(value)}


def compare(scores: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Set every model beside `copy_last` and beside a reference model.

    Args:
        scores: A row a (model, protocol, step), as `score` makes it.
        reference: A model in it.

    Returns:
        A row a (protocol, model): `n` and means as in `summarise`; `above_copy_last` and
        `above_<reference>`, differences of the mean `foreground_psnr` in dB; `frechet`, where it
        was measured; and `last_presence`, `last_position_error`, the values at the protocol's last
        step.
    """
    means = summarise(scores)
    table = means[["protocol", "model", "n", "foreground_psnr"]].copy()
    for base in ("copy_last", reference):
        level = means[means["model"] == base].set_index("protocol")["foreground_psnr"]
        table[f"above_{base}"] = means["foreground_psnr"] - means["protocol"].map(level)
    more = ("presence", "position_error", "sharpness", FRECHET)
    table = table.join(means[[name for name in more if name in means]])
    last = scores[scores["step"] == scores.groupby("protocol")["step"].transform("max")]
    last = last[["protocol", "model", "presence", "position_error"]]
    ends = last.rename(columns={x: f"last_{x}" for x in ("presence", "position_error")})
    return table.merge(ends, on=["protocol", "model"], how="left")
