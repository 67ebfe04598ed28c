"""Scores of models on the same films: how close, and whether they do what the sentence says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from torch import nn

from videogeneration.captions import Vocabulary
from videogeneration.data.clips import Clips
from videogeneration.evaluation.baselines import copy_last, warp_last
from videogeneration.evaluation.judges import Judge
from videogeneration.evaluation.metrics import ENDING_METRICS, METRICS, Film, score_ending
from videogeneration.evaluation.protocols import Protocol, Start, middle_starts, starts
from videogeneration.rollout import roll_out

Model = Callable[[Sequence[np.ndarray], Sequence[str], int], np.ndarray]
"""Given frames (float32 `[C, H, W]` a film), sentences and a number of steps to films, float32
`[B, steps, H, W]`."""

_Item = TypeVar("_Item")

AT_ONCE = 32
"""Films rolled out together."""

SCORE_COLUMNS = ["model", "protocol", "step"]
FILM_COLUMNS = ["model", "protocol", "clip_id"]
FOLLOWING_COLUMNS = ["model", "caption", "n", "followed", "rate"]
FOLLOWED_COLUMNS = ["model", "caption", "clip_id", "sentence", "figures", "followed"]


def network_model(network: nn.Module, vocabulary: Vocabulary, device: str = "cpu") -> Model:
    """A generator as a model."""

    def draw(given: Sequence[np.ndarray], captions: Sequence[str], steps: int) -> np.ndarray:
        return np.stack(list(roll_out(network, given, captions, vocabulary, steps, device)), axis=1)

    return draw


def baseline_models() -> dict[str, Model]:
    """What every table has: the last frame repeated, and the last frame moved on by its flow."""

    def each(draw: Callable[[np.ndarray, int], np.ndarray]) -> Model:
        return lambda given, captions, steps: np.stack([draw(frames, steps) for frames in given])

    return {"copy_last": each(copy_last), "warp_last": each(warp_last)}


def measure(
    models: Mapping[str, Model],
    clips: Clips,
    judge: Judge,
    protocols: Sequence[Protocol],
    most: int,
) -> pd.DataFrame:
    """Measure every model's films under every protocol.

    Args:
        models: By name.
        clips: Clips that no model was trained on.
        judge: Knows the clips' background.
        protocols: Given and generated frames.
        most: Largest number of films a protocol.

    Returns:
        A row a (model, protocol, clip_id, step), steps from 1, with `METRICS`, NaN where one is not
        defined. A film that ends early has the steps that it has.
    """
    tables = []
    for protocol in protocols:
        chosen = starts(clips, protocol, most)
        for name, model in models.items():
            for start, film in _films(model, clips, judge, protocol, chosen):
                values = film.scores()
                about = {
                    "model": name,
                    "protocol": str(protocol),
                    "clip_id": clips.table["clip_id"].iat[start.clip],
                    "step": np.arange(1, len(values) + 1),
                }
                tables.append(pd.DataFrame(about | dict(zip(METRICS, values.T, strict=True))))
    return pd.concat(tables, ignore_index=True)


def score(measured: pd.DataFrame) -> pd.DataFrame:
    """`scores.csv` of what `measure` makes: a row a (model, protocol, step).

    Each is the mean over the `n` films that reach the step, of those where it is defined.
    """
    groups = measured.groupby(SCORE_COLUMNS, sort=False)
    table = groups[list(METRICS)].mean()
    table.insert(0, "n", groups.size())
    return table.reset_index()


def score_films(measured: pd.DataFrame) -> pd.DataFrame:
    """`scored_films.csv` of what `measure` makes: a row a film, each the mean over its steps."""
    return measured.groupby(FILM_COLUMNS, sort=False)[list(METRICS)].mean().reset_index()


def _films(
    model: Model, clips: Clips, judge: Judge, protocol: Protocol, chosen: Sequence[Start]
) -> Iterator[tuple[Start, Film]]:
    for some in _in_groups(chosen):
        given = [start.given(clips, protocol.context) for start in some]
        drawn = model(given, [start.caption for start in some], protocol.horizon)
        for start, frames, film in zip(some, given, drawn, strict=True):
            true = start.true(clips, protocol.horizon)
            behind = judge.background(clips[start.clip])
            yield start, Film(film[: len(true)], true, frames, behind)


def follow(
    models: Mapping[str, Model], clips: Clips, judge: Judge, steps: int, most: int
) -> pd.DataFrame:
    """Measure how often films from a single frame do what the sentence says.

    Args:
        models: By name; `truth` (the reader on the true frames) is added.
        clips: Clips that no model was trained on.
        judge: Reads films.
        steps: Generated frames.
        most: Largest number of films a row.

    Returns:
        `followed_films.csv`: a row a film: `model`, `caption` (`own` is the clip's sentence,
        `swapped` another one for the same frame, `held_out` a sentence that training never showed),
        `clip_id`, `sentence`, `figures` (the number that the sentence names), `followed`.
    """
    table = clips.table
    held_out = table["held_out"].astype(bool) if "held_out" in table else table["start"] < 0
    kinds = {"own": clips.where(~held_out), "held_out": clips.where(held_out)}
    rows = []
    for kind, some in kinds.items():
        chosen = [start for start in middle_starts(some, most) if _asks(judge, start.caption)]
        own = [start.caption for start in chosen]
        asked = {kind: own}
        if kind == "own":
            asked["swapped"] = [_other(judge, said, place) for place, said in enumerate(own)]
        true = [_truth(judge, some, start, steps) for start in chosen]
        results = [("truth", kind, own, true)]
        for name, model in models.items():
            for caption, said in asked.items():
                obeyed = _obeyed(model, judge, some, chosen, said, steps)
                results.append((name, caption, said, obeyed))
        clip_ids = [some.table["clip_id"].iat[start.clip] for start in chosen]
        for name, caption, said, obeyed in results:
            for clip_id, sentence, does in zip(clip_ids, said, obeyed, strict=True):
                figures = len(judge.grammar.seen(sentence))
                rows.append((name, caption, clip_id, sentence, figures, does))
    return pd.DataFrame(rows, columns=FOLLOWED_COLUMNS)


def following_rates(films: pd.DataFrame) -> pd.DataFrame:
    """`caption_following.csv` of `followed_films.csv`: a row a (model, caption)."""
    groups = films.groupby(["model", "caption"], sort=False)["followed"]
    rows = [_row(str(name), str(said), list(does)) for (name, said), does in groups]
    return pd.DataFrame(rows, columns=FOLLOWING_COLUMNS)


def follow_alone(
    films: Mapping[str, Mapping[str, np.ndarray]], clips: Clips, judge: Judge, most: int
) -> pd.DataFrame:
    """Measure how often films that come from no clip do what their sentence says.

    Args:
        films: By model, by sentence: float32 `[B, 1 + T, H, W]` in [0, 1], first frames in front.
        clips: Clips whose true films of the same length, and nothing else of them, the judge reads
            for comparison.
        judge: Reads films.
        most: Largest number of true films.

    Returns:
        `film_following.csv`, in the columns of `caption_following.csv`: a row a (model, caption),
        the caption `all` counting all of a model's sentences. Sentences that no motion shows have
        none.
    """
    steps = max(drawn.shape[1] for told in films.values() for drawn in told.values()) - 1
    chosen = [start for start in middle_starts(clips, most) if _asks(judge, start.caption)]
    true = [(start.caption, _true_film(clips, start, steps)) for start in chosen]
    rows = [_row("truth", "all", [judge.followed(film, said) for said, film in true])]
    for name, told in films.items():
        obeyed = {
            said: [judge.followed(film, said) for film in drawn]
            for said, drawn in told.items()
            if _asks(judge, said)
        }
        rows += [_row(name, said, results) for said, results in obeyed.items()]
        rows.append(
            _row(name, "all", [result for results in obeyed.values() for result in results])
        )
    return pd.DataFrame([row for row in rows if row["n"]], columns=FOLLOWING_COLUMNS)


def score_endings(
    models: Mapping[str, Model], clips: Clips, judge: Judge, steps: int, most: int
) -> pd.DataFrame:
    """Look at the last frame of long films from a single one, each with its clip's own sentence.

    Args:
        models: By name.
        clips: Clips that no model was trained on.
        judge: Knows the clips' background, and whether a figure has left.
        steps: Generated frames.
        most: Largest number of films a model.

    Returns:
        A row a model: `model, steps, n, drift, presence, sharpness, left`, each the mean over the
        films for which it is defined: `ENDING_METRICS` of the last frame, and the share of films
        whose figure has left the picture by the side that the sentence says.
    """
    chosen, rows = middle_starts(clips, most), []
    for name, model in models.items():
        values, left = [], []
        for some in _in_groups(chosen):
            given = [start.given(clips, 1) for start in some]
            drawn = model(given, [start.caption for start in some], steps)
            for start, frame, film in zip(some, given, drawn, strict=True):
                clip = clips[start.clip]
                values.append(score_ending(film[-1], frame[-1], clip, judge.background(clip)))
                left.append(judge.left(np.concatenate([frame, film]), start.caption, clip))
        table = pd.DataFrame(values, columns=list(ENDING_METRICS))
        means = table.assign(left=pd.Series(left, dtype=float)).mean()
        rows.append({"model": name, "steps": steps, "n": len(chosen), **means})
    return pd.DataFrame(rows, columns=["model", "steps", "n", *ENDING_METRICS, "left"])


def _asks(judge: Judge, sentence: str) -> bool:
    """Whether the sentence can be read from motion at all: boxing has no side."""
    return bool(judge.grammar.alternatives(sentence))


def _other(judge: Judge, caption: str, place: int) -> str:
    others = judge.grammar.alternatives(caption)
    return others[place % len(others)]


def _obeyed(
    model: Model,
    judge: Judge,
    clips: Clips,
    chosen: Sequence[Start],
    sentences: Sequence[str],
    steps: int,
) -> list[bool]:
    obeyed = []
    pairs = list(zip(chosen, sentences, strict=True))
    for some in _in_groups(pairs):
        given = [start.given(clips, 1) for start, _ in some]
        drawn = model(given, [sentence for _, sentence in some], steps)
        for (start, sentence), frame, film in zip(some, given, drawn, strict=True):
            obeyed.append(_followed(judge, clips, start, sentence, np.concatenate([frame, film])))
    return obeyed


def _truth(judge: Judge, clips: Clips, start: Start, steps: int) -> bool:
    return _followed(judge, clips, start, start.caption, _true_film(clips, start, steps))


def _true_film(clips: Clips, start: Start, steps: int) -> np.ndarray:
    return np.concatenate([start.given(clips, 1), start.true(clips, steps)])


def _followed(judge: Judge, clips: Clips, start: Start, sentence: str, film: np.ndarray) -> bool:
    row = {str(k): value for k, value in clips.table.iloc[start.clip].items()}
    return judge.followed(film, sentence, clips[start.clip], row)


def _row(model: str, caption: str, obeyed: list[bool]) -> dict[str, Any]:
    count = sum(obeyed)
    return {
        "model": model,
        "caption": caption,
        "n": len(obeyed),
        "followed": count,
        "rate": round(count / max(len(obeyed), 1), 4),
    }


def _in_groups(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for first in range(0, len(items), AT_ONCE):
        yield items[first : first + AT_ONCE]


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean over steps, weighted by the films that reach them: a row a (model, protocol)."""
    metrics = [name for name in scores.columns if name not in [*SCORE_COLUMNS, "n"]]

    def mean(rows: pd.DataFrame) -> pd.Series:
        defined = rows[metrics].notna()
        weights = defined.mul(rows["n"], axis=0)
        total = (rows[metrics].fillna(0) * weights).sum()
        return pd.Series({"n": rows["n"].max(), **(total / weights.sum().where(weights.sum() > 0))})

    grouped = scores.groupby(["protocol", "model"], sort=False)[["n", *metrics]]
    return grouped.apply(mean).reset_index().astype({"n": int})


def compare(scores: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Set every model beside `copy_last` and beside a reference model.

    Args:
        scores: A row a (model, protocol, step), as `score` makes it.
        reference: A model in it.

    Returns:
        A row a (protocol, model): `n` and means as in `summarise`; `above_copy_last` and
        `above_<reference>`, differences of the mean `foreground_psnr` in dB; and `last_presence`,
        `last_position_error`, the values at the protocol's last step.
    """
    means = summarise(scores)
    table = means[["protocol", "model", "n", "foreground_psnr"]].copy()
    for base in ("copy_last", reference):
        level = means[means["model"] == base].set_index("protocol")["foreground_psnr"]
        table[f"above_{base}"] = means["foreground_psnr"] - means["protocol"].map(level)
    table = table.join(means[["presence", "position_error", "sharpness"]])
    last = scores[scores["step"] == scores.groupby("protocol")["step"].transform("max")]
    last = last[["protocol", "model", "presence", "position_error"]]
    ends = last.rename(columns={x: f"last_{x}" for x in ("presence", "position_error")})
    return table.merge(ends, on=["protocol", "model"], how="left")
