"""The registered model: what MLflow knows of it, and what it answers."""

import base64
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import av
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.pyfunc import scoring_server
from PIL import Image

from projects import ROOT, new_project
from servers import served_app
from toys import LEFT, untrained
from videogeneration.captions import ActionGrammar
from videogeneration.evaluation.metrics import METRICS
from videogeneration.serving.registration import register
from videogeneration.training.checkpoints import Checkpoint

pytestmark = pytest.mark.slow

NAME = "videogeneration-kth"


def enter(models: Path, name: str, seed: int, followed: int, films: int = 10) -> Checkpoint:
    """Register a network never trained, of whose films so many follow their sentence."""
    checkpoint = untrained(models / "kth" / name, ActionGrammar(), seed)
    row = {"model": name, "protocol": "5to10", "step": 1, "n": 10, "n_figure": 10, "n_left": 10}
    scores = pd.DataFrame([{**row, **dict.fromkeys(METRICS, 20.0)}])
    counts = {"n": films, "followed": followed, "rate": followed / films}
    following = pd.DataFrame([{"model": name, "caption": "own", **counts}])
    with mlflow.start_run():
        register(checkpoint, "kth", scores, following)
    return checkpoint


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with two networks, of which the second follows less, and a photograph."""
    folder = new_project(tmp_path_factory.mktemp("project"))
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "photo.jpg")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    try:
        experiment = mlflow.create_experiment("toys", (folder / "mlartifacts").as_uri())
        mlflow.set_experiment(experiment_id=experiment)
        enter(folder / "data" / "06_models", "mse", 0, followed=6)
        enter(folder / "data" / "06_models", "gan", 1, followed=4)
        yield folder
    finally:
        mlflow.set_tracking_uri(None)


def test_the_champion_follows_sentences_most_often(project: Path) -> None:
    client = mlflow.MlflowClient()

    def champion() -> str:
        return str(client.get_model_version_by_alias(NAME, "champion").tags["name"])

    assert champion() == "mse"
    # the same weights once more: no version of their own, but the scores of this time
    enter(project / "data" / "06_models", "gan", 1, followed=9)
    versions = client.search_model_versions(f"name='{NAME}'")
    assert len(versions) == 2
    (gan,) = (found for found in versions if found.tags["name"] == "gan")
    assert gan.tags["network"] == "generator"
    assert (gan.tags["steps"], gan.tags["followed"]) == ("7", "0.9000")
    assert float(gan.tags["foreground_psnr"]) == 20
    assert champion() == "gan"
    # both films of a short trial follow: that may be luck
    enter(project / "data" / "06_models", "mse", 0, followed=2, films=2)
    assert champion() == "gan"


def test_the_model_is_code_tensors_and_pinned_requirements(project: Path) -> None:
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/1"))
    kinds = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert not kinds & {".pkl", ".pickle", ".pt", ".pth", ".pyc"}
    pinned = (folder / "requirements.txt").read_text().split()
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+(post\d)?", line) for line in pinned)
    assert {line.partition("=")[0] for line in pinned} >= {"torch", "mlflow", "safetensors"}
    model = mlflow.pyfunc.load_model(f"models:/{NAME}/1")
    (film,) = model.predict(*example(model)).to_dict("records")
    assert film["sentence"] in ActionGrammar().sentences()
    assert frames(film["mp4"]) == 11


def example(model: mlflow.pyfunc.PyFuncModel) -> tuple[Any, Any]:
    """The input and the parameters that the model shows."""
    inputs = model.input_example
    return inputs, {"steps": 10}


def frames(mp4: str) -> int:
    """Number of frames of a film."""
    with av.open(io.BytesIO(base64.b64decode(mp4))) as film:
        (stream,) = film.streams.video
        assert stream.codec_context.name == "h264"
        return sum(1 for _ in film.decode(stream))


@pytest.fixture(scope="module")
def address(project: Path) -> Iterator[str]:
    """Where the model is served as `mlflow models serve` does."""
    app = scoring_server.init(mlflow.pyfunc.load_model(f"models:/{NAME}/1"))
    with served_app(app) as root:
        yield f"{root}/invocations"


def picture(project: Path) -> str:
    return base64.b64encode((project / "photo.jpg").read_bytes()).decode()


def post(address: str, asked: Any) -> Any:
    request = Request(address, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return json.load(answer)


def test_a_picture_and_a_sentence_become_a_film(project: Path, address: str) -> None:
    row = {"picture": picture(project), "sentence": "walk left"}
    asked = {"dataframe_records": [row], "params": {"steps": 3, "seed": 1}}
    (film,) = post(address, asked)["predictions"]
    assert (film["sentence"], film["steps"], frames(film["mp4"])) == (LEFT, 3, 4)


@pytest.mark.parametrize(
    ("row", "params", "message"),
    [
        ({"sentence": "fly away"}, {}, "nearest: 'a person is"),
        ({"sentence": None}, {}, "must be texts"),
        ({"picture": "%%%"}, {}, "picture: no base64"),
        ({"picture": base64.b64encode(b"some words").decode()}, {}, "no picture that Pillow"),
        ({"picture": "A" * 34_000_000}, {}, "picture: more than 25 MB"),
        ({}, {"steps": 61}, "steps: 61; it must be 1 to 60"),
        ({}, {"seed": -1}, "seed: -1"),
        ({}, {"steps": "many"}, "Failed to validate type and shape for 'steps'"),
    ],
)
def test_what_cannot_be_done_is_said(
    project: Path, address: str, row: dict[str, Any], params: dict[str, Any], message: str
) -> None:
    rows = [{"picture": picture(project), "sentence": LEFT, **row}]
    with pytest.raises(HTTPError) as refused:
        post(address, {"dataframe_records": rows, "params": params})
    said = refused.value.read().decode()
    assert refused.value.code == 400
    assert message in json.loads(said)["message"]
    assert len(said) < 3000


def test_many_pictures_and_missing_columns_are_refused(project: Path, address: str) -> None:
    whole = {"picture": picture(project), "sentence": LEFT}
    for rows, message in (
        ([whole] * 5, "5 pictures; at most 4"),
        ([{"sentence": LEFT}], "picture"),
    ):
        with pytest.raises(HTTPError) as refused:
            post(address, {"dataframe_records": rows})
        assert refused.value.code == 400
        assert message in json.loads(refused.value.read())["message"]


README = (ROOT / "README.md").read_text()


def python(code: str, project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def code_with(word: str) -> str:
    """The README's block of Python in which a word stands."""
    (block,) = (x for x in re.findall(r"```python\n(.*?)```", README, re.S) if word in x)
    return str(block)


def test_the_readme_s_python_makes_a_film(project: Path) -> None:
    code = code_with("from videogeneration import")
    assert len(code.strip().splitlines()) <= 8
    python(code, project)
    assert frames(base64.b64encode((project / "film.mp4").read_bytes()).decode()) == 11
    assert (project / "film.gif").exists()


@contextmanager
def serving(command: str, port: int, project: Path) -> Iterator[int]:
    """A command of the README that serves, at another port meanwhile."""
    (line,) = re.findall(rf"^    (.*\b{command}\b.*)$", README, re.M)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = int(free.getsockname()[1])
    line = line.replace(".venv/bin", str(Path(sys.executable).parent))
    line = line.replace(str(port), str(other)) if str(port) in line else f"{line} --port {other}"
    log = project / "served.log"
    with log.open("w") as file:
        served = subprocess.Popen(
            ["bash", "-c", f"exec env {line}"],
            cwd=project,
            stdout=file,
            stderr=file,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
    try:
        for _ in range(300):
            assert served.poll() is None, log.read_text()
            try:
                with urlopen(f"http://127.0.0.1:{other}/health"):
                    break
            except URLError:
                time.sleep(0.2)
        yield other
    finally:
        served.terminate()
        served.wait(timeout=30)


def test_the_readme_s_served_model_answers(project: Path) -> None:
    with serving("mlflow models serve", 5001, project) as port:
        (project / "film.mp4").unlink(missing_ok=True)
        python(code_with("invocations").replace("5001", str(port)), project)
    assert frames(base64.b64encode((project / "film.mp4").read_bytes()).decode()) == 11


def test_the_readme_s_kedro_server_runs_the_pipeline(project: Path) -> None:
    (asked,) = re.findall(r"^    curl .*-d '(.*)' http://127\.0\.0\.1:8001/run$", README, re.M)
    with serving("kedro server start --port 8001", 8001, project) as port:
        address = f"http://127.0.0.1:{port}/run"
        answer = post(address, json.loads(asked))
        assert answer["status"] == "success", answer
        films = project / "data" / "08_reporting" / "animate"
        assert (films / "photo_a-person-is-walking-to-the-left.mp4").exists()
        bad = json.loads(asked)
        bad["params"]["animate"]["caption"] = "fly away"
        answer = post(address, bad)
        assert answer["status"] == "failure"
        assert "nearest: 'a person is" in answer["error"]["message"]
        with pytest.raises(HTTPError) as refused:
            post(address, {"pipeline": "animate"})
        assert refused.value.code == 422
