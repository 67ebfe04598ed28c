"""The page's server: pictures and sentences in, films out; nothing is kept."""

import logging
import threading
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response

from videogeneration.animation import Animator, choose_generator
from videogeneration.captions import CaptionError
from videogeneration.demo.examples import examples
from videogeneration.sources import SOURCES
from videogeneration.sources.photos import PictureError
from videogeneration.training.checkpoints import CheckpointError
from videogeneration.uploads import LARGEST_FILE, MOST_SAMPLES, MOST_STEPS, animate_upload

logger = logging.getLogger(__name__)

_DROPPED = 10 * LARGEST_FILE
"""Bytes of a request after which nothing more of it is read."""


def create_app(models_folder: Path, device: str = "cpu", model: str | None = None) -> FastAPI:
    """The page, and what it asks for; networks are loaded before it is returned.

    Args:
        models_folder: Of all sources' networks; those that are trained later are found.
        device: Where films are drawn.
        model: Name of the networks that draw, see `choose_generator`; sources without one are left
            out.
    """
    app = FastAPI(title="Videogeneration", docs_url=None, redoc_url=None, openapi_url=None)
    pictures = {source: dict(examples(source)) for source in SOURCES}
    animators: dict[str, tuple[tuple[Path, float], Animator]] = {}
    # one film at a time: they share the machine
    turn = threading.Lock()

    def animator(source: str) -> Animator:
        """A source's network, loaded once; one that is trained later takes its place."""
        folder = choose_generator(models_folder / source, model).folder
        version = folder, (folder / "config.json").stat().st_mtime
        if source not in animators or animators[source][0] != version:
            loaded = Animator.load(models_folder, source, folder.name, device=device)
            animators[source] = version, loaded
            logger.info("%s: films are drawn by %s", source, loaded.summary)
        return animators[source][1]

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(Path(__file__).with_name("index.html"))

    @app.get("/sources")
    def sources() -> list[dict[str, Any]]:
        found = []
        for source in SOURCES:
            try:
                grammar = animator(source).grammar
            except CheckpointError:
                continue
            said, shown = grammar.sentences(), list(pictures[source])
            found.append({"name": source, "sentences": said, "examples": shown})
        return found

    @app.get("/examples/{source}/{name}")
    def example(source: str, name: str) -> Response:
        picture = pictures.get(source, {}).get(name)
        if picture is None:
            raise HTTPException(404, f"there is no example {name}")
        return Response(picture, media_type="image/png")

    @app.post("/films")
    async def films(
        request: Request,
        source: str,
        sentence: str,
        name: str = "picture",
        steps: Annotated[int, Query(ge=1, le=MOST_STEPS)] = 20,
        samples: Annotated[int, Query(ge=1, le=MOST_SAMPLES)] = 2,
        seed: Annotated[int, Query(ge=0, le=2**31)] = 0,
        at: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
    ) -> dict[str, Any]:
        """Films of the picture or video that is the request's body."""
        if source not in SOURCES:
            raise HTTPException(404, f"there is no source {source}")
        upload = await _body(request)

        def make() -> dict[str, Any]:
            with turn:
                return animate_upload(
                    animator(source), upload, name, sentence, steps, samples, seed, at
                )

        try:
            return await run_in_threadpool(make)
        except (CaptionError, PictureError) as error:
            raise HTTPException(422, str(error)) from error
        except CheckpointError as error:
            raise HTTPException(404, str(error)) from error

    sources()
    return app


async def _body(request: Request) -> bytes:
    """A request's body.

    Of one that is too large the rest is dropped, not left: who sends it still would hear of a
    broken connection, and not why.
    """
    body, size = bytearray(), 0
    async for part in request.stream():
        size += len(part)
        if size <= LARGEST_FILE:
            body += part
        elif size > _DROPPED:
            break
    if size > LARGEST_FILE:
        raise HTTPException(413, f"the file has more than {LARGEST_FILE // 1_000_000} MB")
    return bytes(body)
