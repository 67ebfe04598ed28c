"""`animate` and `text_to_video` as a user runs them, with small networks never trained."""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import mlflow
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from kedro.framework.startup import bootstrap_project
from PIL import Image

from projects import new_project, run
from toys import LEFT, RIGHT, block_store, generator, image_generator
from videogeneration.captions import ActionGrammar, Grammar, SceneGrammar
from videogeneration.cli import cli
from videogeneration.data.action_films import readings
from videogeneration.models.action_judge import ActionJudge, ActionJudgeConfig
from videogeneration.training.checkpoints import Checkpoint

pytestmark = pytest.mark.slow

CURVES = pd.DataFrame({"step": [1], "loss": [0.5]})
SCENES = SceneGrammar(("house", "fish"))


def finished(folder: Path, grammar: Grammar, seed: int = 0) -> Checkpoint:
    """A generator as the training pipelines leave it."""
    words, vocabulary = grammar.vocabulary.shape
    checkpoint = Checkpoint(folder)
    inputs: dict[str, Any] = {"grammar": grammar.description()}
    if folder.name == "gan":
        inputs = {"mse": inputs}
    checkpoint.finish(generator(seed, words=words, vocabulary=vocabulary), inputs, CURVES)
    return checkpoint


def walking_only() -> ActionJudge:
    """Takes everybody for walkers, and sees where they go."""
    config = ActionJudgeConfig(readings=len(readings(ActionGrammar())), size=32, widths=(8,))
    network = ActionJudge(config)
    torch.nn.init.zeros_(network.name.weight)
    torch.nn.init.zeros_(network.name.bias)
    network.name.bias.data[readings(ActionGrammar()).index("walking")] = 9
    return network


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that has networks, and nothing else that a pipeline could have left."""
    folder = new_project(tmp_path_factory.mktemp("project"))
    before = Path.cwd()
    os.chdir(folder)
    try:
        bootstrap_project(folder)
        for seed, name in enumerate(("mse", "gan")):
            finished(folder / "data" / "06_models" / "kth" / name, ActionGrammar(), seed)
        finished(folder / "data" / "06_models" / "icons" / "mse", SCENES)
        painter = Checkpoint(folder / "data" / "06_models" / "kth" / "text_to_image")
        painter.finish(image_generator(), {"grammar": ActionGrammar().description()}, CURVES)
        judge = Checkpoint(folder / "data" / "06_models" / "kth" / "judge")
        judge.finish(walking_only(), {}, CURVES)
        block_store(folder / "data" / "03_primary" / "kth" / "clips")
        words = folder / "data" / "04_feature" / "kth" / "grammar.json"
        words.parent.mkdir(parents=True)
        words.write_text(json.dumps(ActionGrammar().description()))
        pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "photo.png")
        (folder / "photos").mkdir()
        for name in ("one", "two"):
            Image.fromarray(pixels).save(folder / "photos" / f"{name}.jpg")
        yield folder
    finally:
        mlflow.set_tracking_uri(None)
        os.chdir(before)


@pytest.fixture
def films(project: Path) -> Iterator[Path]:
    """Where films come, empty."""
    folder = project / "data" / "08_reporting" / "animate"
    shutil.rmtree(folder, ignore_errors=True)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def animate(project: Path, **parameters: Any) -> None:
    given = {"image": "photo.png", "caption": LEFT, "steps": 4}
    run(project, "animate", animate={**given, **parameters})


def named(picture: str, sentence: str) -> str:
    return f"{picture}_{sentence.replace(' ', '-')}"


def shape(path: Path) -> tuple[int, int, int]:
    """Number of frames, height and width of a film."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.video
        assert path.suffix == ".gif" or stream.codec_context.name == "h264"
        return sum(1 for _ in container.decode(stream)), stream.height, stream.width


def test_a_picture_becomes_films_and_a_sheet(project: Path, films: Path) -> None:
    animate(project, caption="walk left", others=1)
    own = [named("photo", said) for said in (LEFT, RIGHT)]
    names = {f"{name}{ending}" for name in ("photo", *own) for ending in (".gif", ".mp4")}
    assert {path.name for path in films.iterdir()} == {*names, "photo_sheet.png"}
    # the sentence and its opposite side by side, and each as the picture is, enlarged
    assert shape(films / "photo.mp4")[2] >= 2 * 256
    for name in own:
        assert shape(films / f"{name}.mp4") == (5, 5 * 60, 5 * 80)
        assert shape(films / f"{name}.gif") == (5, 5 * 60, 5 * 80)


def test_many_films_of_a_picture_stand_in_rows_of_three(project: Path, films: Path) -> None:
    sizes = []
    for others in (2, 3):
        animate(project, others=others)
        sizes.append(shape(films / "photo.mp4")[1:])
    (low, wide), (high, same) = sizes
    assert same == wide >= 3 * 256
    assert 1.9 * low < high < 2.1 * low


def test_networks_that_are_named_do_not_replace_each_others_films(
    project: Path, films: Path
) -> None:
    for model in (None, "mse", "gan"):
        animate(project, model=model)
    names = {"photo", "photo_mse", "photo_gan"}
    assert {path.stem for path in films.glob("*.gif")} == {named(name, LEFT) for name in names}
    assert {path.stem for path in films.glob("*.png")} == {f"{name}_sheet" for name in names}


def test_a_single_film_has_the_pictures_shape(project: Path, films: Path) -> None:
    tall = np.random.default_rng(1).integers(0, 255, (300, 151, 3), np.uint8)
    Image.fromarray(tall).save(project / "tall.png")
    animate(project, others=0, steps=6, image="tall.png")
    film = named("tall", LEFT)
    made = {path.name for path in films.iterdir()}
    assert made == {f"{film}.gif", f"{film}.mp4", "tall_sheet.png"}
    # an encoder needs even sides
    assert shape(films / f"{film}.mp4") == (7, 2 * 300, 2 * 151)


def test_another_sentence_leaves_the_first_one_s_film(project: Path, films: Path) -> None:
    for sentence in (LEFT, RIGHT):
        animate(project, others=0, caption=sentence)
    kept = {named("photo", sentence) for sentence in (LEFT, RIGHT)}
    assert {path.stem for path in films.glob("*.mp4")} == kept


def test_another_seed_leaves_the_first_one_s_film(project: Path, films: Path) -> None:
    for seed in (0, 3):
        animate(project, others=0, seed=seed)
    kept = {named("photo", LEFT), named("photo", f"{LEFT} seed 3")}
    assert {path.stem for path in films.glob("*.mp4")} == kept


def test_another_moment_leaves_the_first_one_s_film(project: Path, films: Path) -> None:
    animate(project, others=0)
    video = films / f"{named('photo', LEFT)}.mp4"
    for at in (0.2, 0.6):
        animate(project, others=0, image=str(video), at=at)
        assert (films / f"{named(f'{video.stem}_at_{at}', LEFT)}.mp4").is_file()


def test_a_folder_becomes_a_film_each_beside_earlier_ones(project: Path, films: Path) -> None:
    animate(project, others=3)
    caption = "the house is moving up and down"
    animate(project, source="icons", image="photos", caption=caption, others=3)
    endings = (".gif", ".mp4", "_sheet.png")
    expected = {f"{name}{ending}" for name in ("photo", "one", "two") for ending in endings}
    made = {path.name for path in films.iterdir()}
    assert expected <= made
    assert "two_the-house-is-rotating-clockwise.mp4" in made
    with av.open(str(films / "one.mp4")) as container:
        # the sentence and three other movements
        assert container.streams.video[0].width >= 4 * 256


def test_the_newest_generator_is_used_or_the_named_one(
    project: Path, films: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models = project / "data" / "06_models" / "kth"
    finished(models / "mse", ActionGrammar(), seed=1)
    finished(models / "gan", ActionGrammar(), seed=2)

    def frames(model: str | None = None) -> bytes:
        animate(project, model=model)
        picture = f"photo_{model}" if model else "photo"
        return (films / f"{named(picture, LEFT)}.gif").read_bytes()

    def age(name: str, seconds: int) -> None:
        os.utime(models / name / "config.json", (seconds, seconds))

    mse, gan = frames(model="mse"), frames(model="gan")
    assert mse != gan
    age("mse", 2000)
    age("gan", 1000)
    caplog.clear()
    with caplog.at_level(logging.INFO, "videogeneration"):
        assert frames() == mse
    assert re.search(r"drawn by kth/mse \(generator, 1 steps, \d{4}-\d\d-\d\d ", caplog.text)
    age("gan", 3000)
    assert frames() == gan


BAD: list[tuple[dict[str, Any], str]] = [
    ({"image": None}, r"animate\.image"),
    ({"image": "nowhere.jpg"}, r"image: nowhere\.jpg: no such file"),
    ({"image": "pyproject.toml"}, r"image: pyproject\.toml: no picture"),
    ({"caption": None}, r"animate\.caption"),
    ({"caption": "a person is flying to the left"}, f"caption.*nearest: '{LEFT}'"),
    ({"caption": "left the to walking"}, f"caption.*nearest: '{LEFT}'"),
    ({"samples": 0}, "samples: 0"),
    ({"seed": -1}, "seed: -1"),
    ({"at": -1}, "at: -1"),
    ({"source": "cinema"}, "source: 'cinema' does not exist; known: kth, icons, mnist"),
    ({"source": "mnist"}, "06_models/mnist: no trained gan or mse.*pipelines=mnist_mse"),
    ({"model": "best"}, "06_models/kth: no trained best here; there are .*mse, package"),
    ({"steps": 0}, "steps: 0"),
    ({"steps": 1001}, "steps: 1001.*1000"),
    ({"others": -1}, "others: -1"),
    ({"fps": 0}, "fps: 0"),
    ({"fit": "squeeze"}, "fit: 'squeeze' should be 'pad' or 'crop'"),
    ({"speed": 2}, "speed"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[str(given) for given, _ in BAD])
def test_bad_input_ends_in_one_clear_message(
    project: Path, films: Path, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        animate(project, **given)
    assert not films.exists()


def test_networks_that_draw_no_next_frame_are_refused(project: Path) -> None:
    folder = project / "data" / "06_models" / "kth" / "other"
    finished(folder, ActionGrammar())
    described = (folder / "config.json").read_text()
    (folder / "config.json").write_text(described.replace('"generator"', '"discriminator"'))
    with pytest.raises(Exception, match=r"model: .*other holds a discriminator"):
        animate(project, model="other")


def test_a_right_sentence_in_any_case_will_do(project: Path, films: Path) -> None:
    animate(project, caption="A person is walking to the right.", others=0)
    film = films / f"{named('photo', RIGHT)}.gif"
    upper = film.read_bytes()
    film.unlink()
    animate(project, caption=RIGHT, others=0)
    assert film.read_bytes() == upper


def command(project: Path, *arguments: str) -> Result:
    """What `kedro animate` does in the project's folder."""
    return CliRunner().invoke(cli, ["animate", *arguments], obj=bootstrap_project(project))


def test_the_command_makes_the_pipeline_s_films(
    project: Path, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project))
    shutil.copy(project / "photo.png", project / "me, walking.png")
    done = command(project, "~/me, walking.png", "walk left", "--steps", "3", "--model", "gan")
    assert done.exit_code == 0, done.output
    gif, mp4 = (films / f"{named('me, walking_gan', LEFT)}{ending}" for ending in (".gif", ".mp4"))
    assert {str(gif), str(mp4)} <= set(done.output.splitlines())
    assert shape(mp4) == (4, 5 * 60, 5 * 80)
    animate(project, caption=LEFT, others=0, steps=3, model="gan")
    assert (films / f"{named('photo_gan', LEFT)}.gif").read_bytes() == gif.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.jpg", LEFT), "Error: image: .*nowhere.jpg: no such file or folder"),
        (("pyproject.toml", LEFT), "Error: image: .*no picture that Pillow reads"),
        (("photo.png", "the man walks left"), f"Error: caption .*nearest: '{LEFT}', '"),
        (("photo.png", LEFT, "--source", "mnist"), "Error: .*no trained gan or mse"),
        (
            ("photo.png", LEFT, "--source", "cinema"),
            "Error: animate.source: .cinema. does not",
        ),
        (("photo.png", LEFT, "--steps", "0"), "Error: animate.steps: 0"),
        (("photo.png", LEFT, "--fit", "squeeze"), "Error: animate.fit: 'squeeze'"),
    ],
)
def test_the_command_says_a_mistake_in_one_line(
    project: Path, films: Path, arguments: tuple[str, ...], message: str
) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")

    def runs() -> int:
        experiments = [each.experiment_id for each in client.search_experiments()]
        return len(client.search_runs(experiments))

    before = runs()
    done = command(project, *arguments)
    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    assert re.match(message, line)
    assert runs() == before
    assert not films.exists()


BOXING = "a person is boxing"


def text_to_video(project: Path, sentences: Any = None, **settings: Any) -> Path:
    given: dict[str, Any] = {"text_to_video": {"steps": 6, "samples": 2, **settings}}
    run(
        project,
        "kth_text_to_video",
        kth={**given, **({"sentences": sentences} if sentences else {})},
    )
    return project / "data" / "08_reporting" / "kth"


def test_sentences_become_films_a_sheet_and_scores(project: Path) -> None:
    reporting = text_to_video(project)
    names = {
        f"{said.replace(' ', '-')}{ending}" for said in (LEFT, RIGHT) for ending in (".gif", ".mp4")
    }
    assert {path.name for path in (reporting / "text_to_video").iterdir()} == names
    with av.open(str(reporting / "text_to_video" / "a-person-is-walking-to-the-left.mp4")) as film:
        assert film.streams.video[0].frames == 7
        assert 2 * 256 <= film.streams.video[0].width < 3 * 256
    with Image.open(reporting / "text_to_video_sheet.png") as sheet:
        # two sentences of two samples each
        assert sheet.height > 4 * 128
    table = pd.read_csv(reporting / "film_following.csv")
    assert list(table.columns) == ["model", "caption", "n", "followed", "rate"]
    model = table["model"].iloc[-1]
    assert model in ("mse", "gan")
    rows = [("truth", "all", 6), (model, LEFT, 2), (model, RIGHT, 2), (model, "all", 4)]
    assert list(table[["model", "caption", "n"]].itertuples(index=False, name=None)) == rows
    # true films are read without their clips
    assert table["rate"].iloc[0] == 1
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
    latest = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])[0]
    assert latest.data.metrics["scores/kth/film_followed/truth/all"] == 1
    assert f"scores/kth/film_followed/{model}/{LEFT}" in latest.data.metrics
    kept = client.list_artifacts(latest.info.run_id, "kth/text_to_video")
    assert {Path(file.path).name for file in kept} == names


def test_sentences_on_the_command_line(project: Path) -> None:
    folder = text_to_video(project, f"{BOXING}+A person is walking to the left!", samples=1)
    assert (folder / "text_to_video" / "a-person-is-boxing.gif").exists()
    table = pd.read_csv(folder / "film_following.csv")
    assert table["caption"].tolist() == ["all", BOXING, LEFT, "all"]


def test_other_seeds_make_other_films(project: Path) -> None:
    path = project / "data/08_reporting/kth/text_to_video/a-person-is-boxing.gif"
    films = []
    for model, seed in (("mse", 0), ("mse", 1), ("mse", 0), ("gan", 0)):
        text_to_video(project, BOXING, samples=1, steps=2, model=model, seed=seed)
        films.append(path.read_bytes())
    assert films[0] == films[2]
    assert films[0] not in (films[1], films[3])


@pytest.mark.parametrize(
    ("sentences", "settings", "message"),
    [
        ("a person is flying", {}, "unknown word 'flying'"),
        ("a person is", {}, "did you mean"),
        (LEFT, {"samples": 0}, "samples: 0"),
        (LEFT, {"steps": 0}, "steps: 0"),
        (LEFT, {"model": "best"}, "no trained best here; there are .*mse, package"),
        (LEFT, {"sample": 2}, "sample"),
    ],
)
def test_bad_sentences_and_settings_are_named(
    project: Path, sentences: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        text_to_video(project, sentences, **settings)


def test_networks_must_belong_together(project: Path) -> None:
    folder = project / "data" / "06_models" / "kth" / "text_to_image"
    kept = (folder / "config.json").read_text()
    try:
        (folder / "config.json").write_text(kept.replace('"height": 32', '"height": 64'))
        with pytest.raises(Exception, match=r"trained on different clips.*kth_text_to_image"):
            text_to_video(project)
        (folder / "config.json").unlink()
        with pytest.raises(Exception, match=r"text_to_image: no trained.*kth_text_to_image"):
            text_to_video(project)
    finally:
        (folder / "config.json").write_text(kept)
