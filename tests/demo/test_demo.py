"""The page as a visitor uses it, with small networks never trained."""

import base64
import gc
import io
import json
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
import pytest
from PIL import Image

from servers import served_app
from toys import LEFT, untrained
from videogeneration.animation import Animator
from videogeneration.captions import ActionGrammar, Grammar, SceneGrammar
from videogeneration.demo.app import create_app
from videogeneration.reporting.films import write_film

pytestmark = pytest.mark.slow


def served(models: Path) -> Iterator[str]:
    """The address at which the page is served meanwhile."""
    with served_app(create_app(models)) as address:
        yield address


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    models = tmp_path_factory.mktemp("models")
    grammars: dict[str, Grammar] = {"kth": ActionGrammar(), "icons": SceneGrammar(("house",))}
    for source, grammar in grammars.items():
        untrained(models / source / "mse", grammar, steps=1)
    yield from served(models)


def test_a_network_that_is_trained_anew_takes_the_place_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, load = [], Animator.load

    def remember(*given: Any, **more: Any) -> Animator:
        animator = load(*given, **more)
        loaded.append(weakref.ref(animator))
        return animator

    monkeypatch.setattr(Animator, "load", remember)
    grammar, folder = SceneGrammar(("house",)), tmp_path / "icons" / "mse"
    untrained(folder, grammar)
    with served_app(create_app(tmp_path, model="mse")) as address:
        for version in (1, 1, 2, 2):
            if version == 2 and len(loaded) == 1:
                untrained(folder, grammar, seed=1)
                os.utime(folder / "config.json", (0, 0))  # clocks may be coarse
            with urlopen(f"{address}/sources") as answer:
                assert [source["name"] for source in json.load(answer)] == ["icons"]
            gc.collect()
            assert [one() is not None for one in loaded] == [False] * (version - 1) + [True]


# of a message, on the visitor's screen
IN_VIEW = """(() => {
    const {top, bottom} = document.getElementById("message").getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
})()"""


def photograph(width: int = 90, height: int = 60) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def ask(address: str, upload: bytes, **asked: Any) -> dict[str, Any]:
    told = {"source": "kth", "sentence": "walk left", "steps": 3, "samples": 1, **asked}
    request = Request(f"{address}/films?{urlencode(told)}", upload, method="POST")
    with urlopen(request) as answer:
        return json.load(answer)


def test_sources_with_a_network_are_offered(address: str) -> None:
    with urlopen(f"{address}/sources") as answer:
        kth, icons = json.load(answer)
    assert (kth["name"], icons["name"]) == ("kth", "icons")
    assert LEFT in kth["sentences"]
    for source in (kth, icons):
        for name in source["examples"]:
            with urlopen(f"{address}/examples/{source['name']}/{name.replace(' ', '%20')}") as file:
                assert min(Image.open(file).size) >= 256


def test_a_picture_becomes_a_film(address: str) -> None:
    answer = ask(address, photograph())
    assert answer["sentence"] == LEFT
    (film,) = answer["films"]
    assert (film["seed"], film["steps"], film["ended"]) == (0, 3, False)


@pytest.mark.parametrize(
    ("upload", "asked", "code", "message"),
    [
        (b"some words " * 99, {"name": "notes.txt"}, 422, "notes.txt: no picture that Pillow"),
        (b"", {}, 422, "picture: no picture that Pillow"),
        (photograph()[:900], {"name": "half.jpg"}, 422, "half.jpg: cannot be read"),
        (photograph(), {"sentence": "fly away"}, 422, "nearest: 'a person is"),
        (photograph(), {"source": "mnist"}, 404, "no trained gan or mse"),
        (photograph(), {"source": "../kth"}, 404, "no source"),
        (photograph(), {"steps": 61}, 422, "steps"),
        (photograph(), {"samples": 5}, 422, "samples"),
        (photograph(), {"at": -1}, 422, "at"),
        (bytes(90_000_000), {}, 413, "more than 25 MB"),
    ],
)
def test_what_cannot_be_done_is_said(
    address: str, upload: bytes, asked: dict[str, Any], code: int, message: str
) -> None:
    with pytest.raises(HTTPError) as refused:
        ask(address, upload, **asked)
    assert refused.value.code == code
    assert message in refused.value.read().decode()


def test_too_many_pixels_are_refused_before_they_are_read(address: str) -> None:
    file = io.BytesIO()
    Image.new("1", (8000, 7000)).save(file, "PNG")
    with pytest.raises(HTTPError) as refused:
        ask(address, file.getvalue())
    assert "more than 50 million pixels" in refused.value.read().decode()


def test_a_visitor_sees_a_film_play(address: str, browser: Any, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(photograph())
    (tmp_path / "notes.txt").write_text("no picture " * 99)
    page = browser.new_page()
    page.goto(address)
    page.set_input_files("#file", tmp_path / "photo.jpg")
    page.click("#chips >> text=walking to the left")
    page.fill("#steps", "3")
    page.click("#go")
    page.wait_for_function(
        "() => [...document.querySelectorAll('figure video')].some(x => x.currentTime > 0)"
        " || document.querySelector('figure img')"
    )
    shape = "document.querySelector('figure').getBoundingClientRect().width > 200"
    assert page.evaluate(shape)
    assert page.inner_text("#said") == LEFT
    with page.expect_download() as download:
        page.click("text=MP4")
    assert download.value.suggested_filename == "a-person-is-walking-to-the-left-0.mp4"
    assert download.value.path().read_bytes()[4:8] == b"ftyp"
    # what is no picture gets a message, and the films stay
    page.set_input_files("#file", tmp_path / "notes.txt")
    page.click("#go")
    page.wait_for_selector("#message.bad")
    assert page.inner_text("#message").startswith("notes.txt: no picture that Pillow reads")
    assert page.query_selector("figure")
    assert page.evaluate(IN_VIEW)


def test_a_message_is_in_view_also_on_a_small_screen(address: str, browser: Any) -> None:
    for width, height in ((1280, 600), (375, 667)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(address)
        page.fill("#sentence", "dance")
        page.click(".thumb")
        page.click("#go")
        page.wait_for_selector("#message.bad")
        assert "'dance' is no sentence" in page.inner_text("#message")
        assert page.evaluate(IN_VIEW)
        page.close()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Four seconds that brighten."""
    greys = np.repeat(np.arange(20, 220, 10, dtype=np.uint8), 64 * 64).reshape(20, 64, 64)
    return write_film(tmp_path / "video", greys, fps=5)[1]


def test_films_start_from_a_chosen_moment_of_a_video(address: str, video: Path) -> None:
    first = []
    for second in (0, 3):
        (film,) = ask(address, video.read_bytes(), name="video.mp4", at=second)["films"]
        with Image.open(io.BytesIO(base64.b64decode(film["gif"]))) as gif:
            first.append(np.asarray(gif.convert("L")).mean())
    assert first[1] > first[0] + 50
    with pytest.raises(HTTPError) as refused:
        ask(address, video.read_bytes(), name="video.mp4", at=60)
    assert refused.value.code == 422


def test_a_visitor_chooses_a_moment_of_a_video(address: str, browser: Any, video: Path) -> None:
    page = browser.new_page()
    page.goto(address)
    assert not page.is_visible("#at")
    page.set_input_files("#file", video)
    page.click("#chips >> text=walking to the left")
    page.wait_for_function("document.querySelector('#at').max == 4")
    page.fill("#at", "1.4")
    page.fill("#steps", "1")
    with page.expect_request("**/films?*at=1.4"):
        page.click("#go")
    page.wait_for_selector("figure")
    # a picture has one moment
    picture = {"name": "a.png", "mimeType": "image/png", "buffer": photograph()}
    page.set_input_files("#file", picture)
    page.wait_for_selector("#drop img")
    assert not page.is_visible("#at")


def test_an_example_and_a_typed_sentence(address: str, browser: Any) -> None:
    page = browser.new_page()
    page.goto(address)
    page.click("#sources >> text=an icon")
    page.click("#go")
    page.wait_for_selector("#message.bad")
    assert "Choose a picture" in page.inner_text("#message")
    page.click("#examples button >> nth=0")
    page.wait_for_selector("#drop img")
    page.fill("#sentence", "house up")
    page.click("#go")
    page.wait_for_selector("figure")
    assert page.inner_text("#said") == "the house is moving up and down"


def test_where_nothing_is_trained_people_are_offered(browser: Any, tmp_path: Path) -> None:
    for address in served(tmp_path):
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#examples button")
        assert page.is_hidden("#kinds")
        page.click("#examples button >> nth=0")
        page.wait_for_selector("#drop img")
        page.click("#chips >> text=boxing")
        page.fill("#steps", "2")
        page.click("#go")
        page.wait_for_selector("figure")
