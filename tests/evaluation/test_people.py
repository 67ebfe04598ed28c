"""The judge of people: trained for seconds on made figures, it reads others."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from toys import CPU, write_store
from videogeneration.captions import ActionGrammar, SceneGrammar
from videogeneration.data.action_films import (
    ActionFilms,
    ActionFilmSettings,
    frozen,
    gliding,
    wiped_out,
)
from videogeneration.evaluation.frechet import frechet_distance
from videogeneration.evaluation.judges import LearnedJudge, PeopleJudge, SceneJudge
from videogeneration.evaluation.judges.people import Reading
from videogeneration.models.action_judge import ActionJudge, ActionJudgeConfig
from videogeneration.training.action_judge import ActionJudgeTask, JudgeSettings
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.loop import train

pytestmark = pytest.mark.slow

GRAMMAR = ActionGrammar(("walking", "handwaving"))
LEFT, RIGHT, WAVING = GRAMMAR.sentences()
SIZE, LENGTH = 32, 10


def place(seed: int) -> np.ndarray:
    """A textured wall, float32 in [0, 1]."""
    random = np.random.default_rng([seed, 1])
    wall = random.uniform(0.5, 0.8) + random.normal(0, 0.05, (SIZE // 4, SIZE // 4))
    return cv2.resize(wall.astype(np.float32), (SIZE, SIZE))


def film(sentence: str, seed: int, length: int = LENGTH, step: float = 1.0) -> np.ndarray:
    """A made figure with a big nose that walks or waves, float32; `step` is a frame's time."""
    random = np.random.default_rng(seed)
    grey, phase = random.uniform(0.0, 0.2), random.uniform(0, 2 * np.pi)
    side = {LEFT: -1, RIGHT: 1, WAVING: 0}[sentence]
    top, tempo = random.uniform(4, 7), random.uniform(1.0, 1.4)
    start = SIZE / 2 - side * random.uniform(3, 8)
    pace = random.uniform(1.5, 2.5)
    frames = np.repeat(place(seed)[None], length, axis=0)
    for time, frame in enumerate(frames):
        x = start + side * pace * step * time
        swing = np.sin(tempo * step * time + phase)

        def line(ax: float, ay: float, bx: float, by: float, on: np.ndarray = frame) -> None:
            ends = [(round(8 * v[0]), round(8 * v[1])) for v in ((ax, ay), (bx, by))]
            cv2.line(on, *ends, grey, 2, cv2.LINE_AA, 3)

        line(x, top, x, top + 11)
        line(x, top + 1, x + 3 * side, top + 1)  # the nose
        for leg in (-1, 1):
            spread = leg * 4 * swing if side else leg * 2
            line(x, top + 11, x + spread, top + 21)
            hand = (x + leg * 6, top + 3 - 6 * swing) if not side else (x - spread / 2, top + 11)
            line(x, top + 3, *hand)
    return np.clip(frames, 0, 1)


def backwards(sentence: str, seed: int) -> np.ndarray:
    return film(GRAMMAR.mirrored(sentence), seed)[::-1]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> PeopleJudge:
    folder: Path = tmp_path_factory.mktemp("judge")
    clips = write_store(
        folder / "clips",
        [
            ((255 * film(sentence, seed)).astype(np.uint8), {"caption": sentence})
            for seed in range(30)
            for sentence in GRAMMAR.sentences()
        ],
    )
    varied = ActionFilmSettings(
        size=SIZE, nothing=0.5, zoom=0.05, shift=2, inverted=0, blur=0, contrast=0.1
    )
    settings = JudgeSettings(steps=180, batch_size=24, warmup=5, learning_rate=0.01)
    torch.manual_seed(0)
    config = ActionJudgeConfig(readings=4, size=SIZE, crop=(32, 24), widths=(16, 24, 32))
    network = CPU.place(ActionJudge(config))
    assert isinstance(network, ActionJudge)
    task = ActionJudgeTask(network, [ActionFilms(clips, GRAMMAR, varied)], settings, CPU)
    train(task, Checkpoint(folder / "action_judge"), {}, settings.steps)
    return PeopleJudge(GRAMMAR, network.eval())


SEEDS = range(100, 110)


@pytest.mark.parametrize("sentence", GRAMMAR.sentences())
def test_true_films_follow_their_sentence_and_no_other(judge: PeopleJudge, sentence: str) -> None:
    for asked in GRAMMAR.sentences():
        followed = [judge.followed(film(sentence, seed), asked) for seed in SEEDS]
        assert np.mean(followed) >= 0.9 if asked == sentence else np.mean(followed) <= 0.1


def test_who_walks_backwards_follows_nothing(judge: PeopleJudge) -> None:
    read = [judge.reading(backwards(side, seed)) for seed in SEEDS for side in (LEFT, RIGHT)]
    assert np.mean([reading.sentence == "backwards" for reading in read]) >= 0.9


def test_who_stands_still_or_is_gone_or_glides_follows_nothing(judge: PeopleJudge) -> None:
    films = []
    for seed in SEEDS:
        films += [frozen(film(sentence, seed)) for sentence in GRAMMAR.sentences()]
        films.append(wiped_out(film(RIGHT, seed), place(seed)))
        films.append(gliding(film(RIGHT, seed)[0], place(seed), 2.0 * np.arange(LENGTH)))
    read = [reading.sentence for reading in judge.read_all(films)]
    assert np.mean([sentence == "nothing" for sentence in read]) >= 0.9


def test_a_reading_is_a_distribution_and_mirrors(judge: PeopleJudge) -> None:
    one = judge.reading(film(RIGHT, 100))
    other = judge.reading(film(RIGHT, 100)[:, :, ::-1].copy())
    assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert set(one.probabilities) == {*GRAMMAR.sentences(), "backwards", "nothing"}
    assert one.velocity == pytest.approx(-other.velocity, abs=0.02)
    assert (one.sentence, other.sentence) == (RIGHT, LEFT)


def test_whether_somebody_goes_forwards_is_decided_before_the_pace() -> None:
    paces = {f"a person is {pace} to the left": 0.3 for pace in ("walking", "jogging")}
    running = {"a person is running to the left": 0.05}
    torn = Reading({**paces, **running, "backwards": 0.35}, velocity=-0.1)
    assert torn.sentence in paces
    assert Reading({**running, "backwards": 0.95}, velocity=-0.1).sentence == "backwards"
    assert Reading({**running, "a person is boxing": 0.9}, velocity=0).sentence.endswith("boxing")


def test_films_are_read_alike_alone_and_beside_longer_ones(judge: PeopleJudge) -> None:
    films = [film(RIGHT, 100, length=6), film(WAVING, 101, length=10)]
    for film_, together in zip(films, judge.read_all(films), strict=True):
        alone = judge.reading(film_)
        assert alone.velocity == together.velocity
        assert alone.probabilities == pytest.approx(dict(together.probabilities), abs=1e-4)


def test_films_of_more_frames_a_second_are_read_at_the_pace_it_learned(
    judge: PeopleJudge,
) -> None:
    network = ActionJudge(replace(judge.network.config, frame_step=5))
    network.load_state_dict(judge.network.state_dict())
    fast = PeopleJudge(GRAMMAR, network)
    films = [(s, film(s, seed, 45, 1 / 5)) for seed in SEEDS for s in GRAMMAR.sentences()]
    assert np.mean([fast.followed(shown, sentence) for sentence, shown in films]) >= 0.9


def test_frechet_distance_grows_with_blur_gliding_freezing_and_walking_backwards(
    judge: PeopleJudge,
) -> None:
    def films(seeds: range) -> list[np.ndarray]:
        return [film(side, seed) for seed in seeds for side in (LEFT, RIGHT)]

    true, own = films(range(200, 240)), films(range(300, 340))
    known = judge.features(true)
    base = frechet_distance(known, judge.features(own))
    seeds = range(300, 340)
    worse = {
        "blur": [np.stack([cv2.GaussianBlur(f, (0, 0), 1.5) for f in shown]) for shown in own],
        "frozen": [frozen(shown) for shown in own],
        "backwards": [backwards(side, seed) for seed in seeds for side in (LEFT, RIGHT)],
        "gliding": [
            gliding(film(side, seed)[0], place(seed), way * 2.0 * np.arange(LENGTH))
            for seed in seeds
            for side, way in ((LEFT, -1), (RIGHT, 1))
        ],
    }
    for name, some in worse.items():
        assert frechet_distance(known, judge.features(some)) > 1.5 * base, name


def test_jogging_and_running_count_as_one() -> None:
    class Jogger(ActionJudge):
        def forward(self, film: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
            return 9.0 * torch.nn.functional.one_hot(torch.tensor([1] * len(film)), 8).float()

    grammar, network = (
        ActionGrammar(),
        Jogger(ActionJudgeConfig(size=SIZE, crop=(32, 24), widths=(8,))),
    )
    shown, jogging = film(RIGHT, 100), "a person is jogging to the right"
    running = "a person is running to the right"
    assert PeopleJudge(grammar, network).followed(shown, running)
    assert PeopleJudge(grammar, network).reading(shown).sentence == jogging
    assert not PeopleJudge(grammar, network).followed(shown, "a person is running to the left")


def walking_out(start: float, speed: float, length: int = 12) -> np.ndarray:
    """A dark figure, 4 pixels wide, that goes on at so many pixels a frame."""
    shown = np.repeat(place(0)[None], length, axis=0)
    for time, frame in enumerate(shown):
        left = round(start + speed * time)
        frame[8:24, max(0, left) : max(0, left + 4)] = 0.1
    return shown


@pytest.mark.parametrize(
    ("start", "speed", "left", "right"),
    [(14, 3, False, True), (14, -3, True, False), (10, 0.5, False, False)],
)
def test_a_walker_leaves_by_the_side_at_which_it_was_last_seen(
    judge: PeopleJudge, start: float, speed: float, left: bool, right: bool
) -> None:
    shown = walking_out(start, speed)
    assert judge.ending(shown, LEFT, place(0)) == {"left": left}
    assert judge.ending(shown, RIGHT, place(0)) == {"left": right}
    # without a background nobody knows
    assert judge.ending(shown, RIGHT, None) == {}


def test_a_walker_that_fades_in_mid_picture_has_not_left(judge: PeopleJudge) -> None:
    shown = walking_out(10, 0.5)
    shown[6:] = place(0)
    assert judge.ending(shown, RIGHT, place(0)) == {"left": False}


def test_a_walker_has_left_though_much_of_him_could_not_be_seen_on_the_way(
    judge: PeopleJudge,
) -> None:
    shown = walking_out(10, 2)
    shown[1, 13:] = place(0)[13:]
    assert judge.ending(shown, RIGHT, place(0)) == {"left": True}
    # nobody can be told from the background
    nobody = np.repeat(place(0)[None], 12, axis=0)
    assert judge.ending(nobody, RIGHT, place(0)) == {}


def test_who_waves_still_does_it_at_the_end_or_not(judge: PeopleJudge) -> None:
    goes_on = [judge.ending(film(WAVING, seed, 30), WAVING, None) for seed in SEEDS]
    assert {tuple(ending) for ending in goes_on} == {("still",)}
    assert np.mean([ending["still"] for ending in goes_on]) >= 0.9
    stops = [judge.ending(frozen(film(WAVING, seed, 30), 15), WAVING, None) for seed in SEEDS]
    assert np.mean([ending["still"] for ending in stops]) <= 0.1


def test_who_stays_would_be_seen_in_the_median(judge: PeopleJudge) -> None:
    clip = (255 * walking_out(-4, 3, 16)).astype(np.uint8)
    background = judge.background(clip, RIGHT)
    assert background is not None
    assert np.abs(background - place(0)).max() < 0.02
    assert judge.background(clip, WAVING) is None


def test_only_a_judge_that_has_learned_has_features(judge: PeopleJudge) -> None:
    assert isinstance(judge, LearnedJudge)
    assert not isinstance(SceneJudge(SceneGrammar(("house",))), LearnedJudge)


def test_errors_say_what_to_do(judge: PeopleJudge) -> None:
    with pytest.raises(ValueError, match="the grammar has 8; train it for the same actions"):
        PeopleJudge(ActionGrammar(), judge.network)
    with pytest.raises(ValueError, match="two frames or more"):
        judge.reading(film(RIGHT, 100)[:1])
    with pytest.raises(ValueError, match="none of the 3 sentences"):
        judge.followed(film(RIGHT, 100), "a person is boxing")
