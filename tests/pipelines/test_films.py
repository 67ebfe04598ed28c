"""`animate` as a user runs it, with small networks that were never trained."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import mlflow
import numpy as np
import pandas as pd
import pytest
from kedro.framework.startup import bootstrap_project
from PIL import Image

from projects import new_project, run
from toys import LEFT, RIGHT, generator
from videogeneration.captions import Grammar, KthGrammar, SceneGrammar, describe
from videogeneration.training.checkpoints import Checkpoint

CURVES = pd.DataFrame({"step": [1], "loss": [0.5]})
SCENES = SceneGrammar(("house", "fish"))


def finished(folder: Path, grammar: Grammar, seed: int = 0) -> Checkpoint:
    """A generator as the training pipelines leave it."""
    words, vocabulary = grammar.vocabulary.shape
    checkpoint = Checkpoint(folder)
    inputs: dict[str, Any] = {"grammar": describe(grammar)}
    if folder.name == "gan":
        inputs = {"mse": inputs}
    checkpoint.finish(generator(seed, words=words, vocabulary=vocabulary), inputs, CURVES)
    return checkpoint


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that has networks, and nothing else that a pipeline could have left."""
    folder = new_project(tmp_path_factory.mktemp("project"))
    before, tracking = Path.cwd(), mlflow.get_tracking_uri()
    os.chdir(folder)
    try:
        bootstrap_project(folder)
        for name in ("mse", "gan"):
            finished(folder / "data" / "06_models" / "kth" / name, KthGrammar())
        finished(folder / "data" / "06_models" / "icons" / "mse", SCENES)
        pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "photo.png")
        (folder / "photos").mkdir()
        for name in ("one", "two"):
            Image.fromarray(pixels).save(folder / "photos" / f"{name}.jpg")
        yield folder
    finally:
        mlflow.set_tracking_uri(tracking)
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


def test_a_picture_becomes_films_and_a_sheet(project: Path, films: Path) -> None:
    animate(project)
    names = ["photo.gif", "photo.mp4", "photo_sheet.png"]
    assert sorted(path.name for path in films.iterdir()) == names
    with av.open(str(films / "photo.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert container.streams.video[0].frames == 5
        # the sentence and its opposite, side by side
        assert container.streams.video[0].width >= 2 * 256
    animate(project, others=0, steps=6)
    with av.open(str(films / "photo.mp4")) as container:
        assert container.streams.video[0].frames == 7
        assert container.streams.video[0].width < 2 * 256


def test_a_folder_becomes_a_film_each_beside_earlier_ones(project: Path, films: Path) -> None:
    animate(project)
    animate(project, source="icons", image="photos", caption="the house is moving up and down")
    endings = (".gif", ".mp4", "_sheet.png")
    expected = {f"{name}{ending}" for name in ("photo", "one", "two") for ending in endings}
    assert {path.name for path in films.iterdir()} == expected
    # the run has its own films and no others
    client = mlflow.MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "videogeneration"]
    latest = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])[0]
    kept = {Path(file.path).name for file in client.list_artifacts(latest.info.run_id, "animate")}
    assert kept == {name for name in expected if not name.startswith("photo")}
    with av.open(str(films / "one.mp4")) as container:
        # the sentence and three other movements
        assert container.streams.video[0].width >= 4 * 256


def test_the_newest_generator_is_used_or_the_named_one(project: Path, films: Path) -> None:
    models = project / "data" / "06_models" / "kth"
    finished(models / "mse", KthGrammar(), seed=1)
    finished(models / "gan", KthGrammar(), seed=2)

    def frames(**parameters: Any) -> bytes:
        animate(project, **parameters)
        return (films / "photo.gif").read_bytes()

    def age(name: str, seconds: int) -> None:
        os.utime(models / name / "config.json", (seconds, seconds))

    mse, gan = frames(model="mse"), frames(model="gan")
    assert mse != gan
    age("mse", 2000)
    age("gan", 1000)
    assert frames() == mse
    age("gan", 3000)
    assert frames() == gan


BAD: list[tuple[dict[str, Any], str]] = [
    ({"image": None}, r"animate\.image"),
    ({"image": "nowhere.jpg"}, r"image: nowhere\.jpg: no such file"),
    ({"image": "pyproject.toml"}, r"image: pyproject\.toml: no picture"),
    ({"caption": None}, r"animate\.caption"),
    ({"caption": "a person is flying to the left"}, "caption.*unknown word 'flying'"),
    ({"caption": "left the to walking"}, "caption.*did you mean 'a person is walking to the left'"),
    ({"source": "cinema"}, "(?s)source.*'kth', 'icons' or 'mnist'.*cinema"),
    ({"source": "mnist"}, "06_models/mnist: no trained gan or mse.*pipelines=mnist_mse"),
    ({"model": "best"}, "06_models/kth: no trained best.*pipelines=kth_mse"),
    ({"steps": 0}, "steps: 0"),
    ({"others": -1}, "others: -1"),
    ({"fps": 0}, "fps: 0"),
    ({"fit": "squeeze"}, "(?s)fit.*'pad' or 'crop'.*squeeze"),
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
    finished(folder, KthGrammar())
    described = (folder / "config.json").read_text()
    (folder / "config.json").write_text(described.replace('"generator"', '"discriminator"'))
    with pytest.raises(Exception, match=r"model: .*other holds a discriminator"):
        animate(project, model="other")


def test_a_right_sentence_in_any_case_will_do(project: Path, films: Path) -> None:
    animate(project, caption="A person is walking to the right.", others=0)
    upper = (films / "photo.gif").read_bytes()
    animate(project, caption=RIGHT, others=0)
    assert (films / "photo.gif").read_bytes() == upper
