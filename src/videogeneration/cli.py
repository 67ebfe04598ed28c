"""Commands of the project's own, beside Kedro's: `kedro animate`, `demo`, `networks`, `restore`."""

import copy
import json
import logging
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from kedro.framework.cli.project import run
from kedro.framework.context import KedroContext
from kedro.framework.session import KedroSession
from kedro.framework.startup import ProjectMetadata
from kedro.runner import SequentialRunner

from videogeneration.mistakes import mistake

QUIET = ("kedro", "kedro_mlflow", "mlflow", "kedro_viz")
"""Loggers that have nothing to say to somebody who wants a film."""

EXAMPLES = """\b
Examples:
  kedro animate photo.jpg "a person is boxing"
  kedro animate ~/photos waving --steps 30 --samples 4 --seed 1"""


PATHS = ("folder", "image")
"""Last parts of the names of parameters that are paths."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Videogeneration's own commands."""


def _run() -> click.Command:
    """Kedro's `run`, but that a user's mistake is one line, and paths are taken as they stand.

    YAML would read a folder `2024` as a number, `a: b.jpg` as a mapping, and of `photo #1.jpg` the
    part in front of the comment.
    """
    command = copy.copy(run)
    (option,) = (option for option in run.params if option.name == "params")
    quoted, parse = copy.copy(option), option.callback
    assert parse is not None  # it is what makes values of the text

    def parse_quoted(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        items = ",".join(map(_quoted, value.split(","))) if isinstance(value, str) else value
        return parse(ctx, param, items)

    execute = command.callback
    assert execute is not None

    @wraps(execute)
    def execute_in_one_line(*args: Any, **kwargs: Any) -> Any:
        with _in_one_line():
            return execute(*args, **kwargs)

    command.callback = execute_in_one_line
    quoted.callback = parse_quoted
    command.params = [quoted if other is option else other for other in run.params]
    return command


def _quoted(item: str) -> str:
    """A parameter and its value, which is quoted where it is a path."""
    key, _, value = (part.strip() for part in item.partition("="))
    bare = value and value != "null" and value[0] not in "\"'"
    if key.rpartition(".")[2] not in PATHS or not bare:
        return item
    return f"{key}={json.dumps(value, ensure_ascii=False)}"


cli.add_command(_run())


@cli.command(epilog=EXAMPLES)
@click.argument("photo", type=click.Path(path_type=Path))
@click.argument("sentence")
@click.option("--source", help="Whose network and sentences.")
@click.option(
    "--model",
    help="Name of a trained network, or package: the one that came along. Without it the newer "
    "of gan and mse, else package.",
)
@click.option("--steps", type=int, help="Frames to draw.")
@click.option("--samples", type=int, help="Films of the sentence.")
@click.option("--seed", type=int, help="Of the first sample.")
@click.option("--others", type=int, help="Number of other sentences to film beside it.")
@click.option(
    "--at", type=float, help="Second of a video; without it one at which somebody is in view."
)
@click.option("--fit", help="What a network sees: pad or crop.")
@click.option("--fps", type=float, help="Frames a second.")
@click.option("--env", help="Kedro's configuration environment.")
@click.pass_obj
def animate(
    metadata: ProjectMetadata, photo: Path, sentence: str, env: str | None, **settings: Any
) -> None:
    """Make films of PHOTO in which happens what SENTENCE says.

    PHOTO is a picture, a video, or a folder of them; SENTENCE one that the network knows, or the
    beginnings of some of its words ("walk left"). It runs the pipeline `animate`; what is left out
    here is as in conf/base/parameters_animate.yml.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    given |= {"image": str(photo.expanduser().absolute()), "caption": sentence}
    with _session(metadata, env, {"animate": given}) as (session, context):
        began = time.time()
        session.run(pipeline_name="animate", runner=SequentialRunner())
        files = context.catalog.load("animate.films")
    for file in files:
        if file.stat().st_mtime >= began - 1:
            click.echo(file)


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=int, help="Port to listen at.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:1.")
@click.option("--model", help="Name of the network that draws, such as package.  [default: newest]")
@click.option("--env", help="Kedro's configuration environment.")
@click.pass_obj
def demo(
    metadata: ProjectMetadata, host: str, port: int, device: str, model: str | None, env: str | None
) -> None:
    """Serve a page on which pictures and sentences become films, with the trained networks.

    Only this computer sees it, unless --host says otherwise.
    """
    import uvicorn

    from videogeneration.demo.app import create_app
    from videogeneration.training.device import Device

    with _session(metadata, env) as (_, context):
        chosen = Device.choose(device, "float32").name
        folder = context.catalog.load("models_folder")
    app = create_app(folder, chosen, model)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise click.ClickException(f"{host}:{port}: {error.strerror}; see --port") from error
    click.echo(f"Open http://{host}:{listening.getsockname()[1]} in a browser; Ctrl+C ends it.")
    with listening, suppress(KeyboardInterrupt):
        config = uvicorn.Config(app, log_level="warning")
        uvicorn.Server(config).run(sockets=[listening])


@cli.command()
@click.option("--env", help="Kedro's configuration environment.")
@click.pass_obj
def networks(metadata: ProjectMetadata, env: str | None) -> None:
    """List the trained networks, with the scores of those that were scored since.

    NAME is what --model of `kedro animate` takes. A network that was trained for longer than the
    one that took its place is kept as NAME_800_steps.
    """
    import pandas as pd

    from videogeneration.hooks import readable, wide_console
    from videogeneration.networks import packaged
    from videogeneration.sources import SOURCES
    from videogeneration.training.checkpoints import find_trained

    rows = []
    with _session(metadata, env) as (_, context):
        models_folder = context.catalog.load("models_folder")
        for source in SOURCES:
            own = models_folder / source
            reporting = metadata.project_path / "data" / "08_reporting" / source
            for checkpoint in (*find_trained(own), *find_trained(packaged(source).folder)):
                comes_along = checkpoint == packaged(source)
                folder = checkpoint.folder
                name = folder.name if comes_along else "/".join(folder.relative_to(own).parts)
                row = {"source": source, "name": name, "steps": checkpoint.steps}
                measured = _scores(folder, folder if comes_along else reporting)
                rows.append(checkpoint.description() | row | measured)
    if not rows:
        raise click.ClickException(f"{models_folder}: no trained network yet; train one: kedro run")
    columns = ["source", "name", "network", "steps", "finished", "foreground_psnr", "rate"]
    wide_console().print(readable(pd.DataFrame(rows).reindex(columns=columns)))


def _scores(folder: Path, reporting: Path) -> dict[str, float]:
    """What was measured of a network after its training."""
    import pandas as pd

    from videogeneration.evaluation.scoring import headline

    files = [reporting / f"{name}.csv" for name in ("scores", "caption_following")]
    finished = 0.0 if folder == reporting else (folder / "config.json").stat().st_mtime
    if not all(file.exists() and file.stat().st_mtime > finished for file in files):
        return {}
    scores, following = map(pd.read_csv, files)
    return headline(scores, following, folder.name)


@cli.command()
@click.argument("run_id")
@click.option("--network", help="Only this one of the run's networks, such as kth/gan.")
@click.option("--env", help="Kedro's configuration environment.")
@click.pass_obj
def restore(metadata: ProjectMetadata, run_id: str, network: str | None, env: str | None) -> None:
    """Bring the networks of an MLflow run back; `make ui` shows the runs with their ids.

    A network in their place that was trained for longer is kept under a name of its own.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    from videogeneration.training.checkpoints import Checkpoint
    from videogeneration.validated import check_name

    with _session(metadata, env) as (_, context):
        models_folder = context.catalog.load("models_folder")
        client = mlflow.MlflowClient()
        try:
            parts = [x.path for x in client.list_artifacts(run_id) if x.is_dir]
            found = {
                f"{part}/{Path(file.path).name}": file.path
                for part in parts
                for file in client.list_artifacts(run_id, f"{part}/models")
            }
        except MlflowException as error:
            raise click.ClickException(f"{run_id}: {error.message}") from None
        if network:
            check_name(network, found, f"run {run_id}: its network")
        if not found:
            raise click.ClickException(f"{run_id}: this run has trained no networks")
        for name in [network] if network else found:
            with TemporaryDirectory() as folder:
                path = mlflow.artifacts.download_artifacts(
                    run_id=run_id, artifact_path=found[name], dst_path=folder
                )
                checkpoint = Checkpoint(models_folder / name)
                checkpoint.take(Checkpoint(Path(path)))
            click.echo(f"restored {checkpoint.summary()}")


@cli.command()
@click.argument("network")
@click.option("--env", help="Kedro's configuration environment.")
@click.pass_obj
def pack(metadata: ProjectMetadata, network: str, env: str | None) -> None:
    """Put a trained NETWORK, such as kth/mse, and its scores into the package, in bfloat16."""
    from videogeneration.networks import packaged, put
    from videogeneration.reporting.report import code_commit
    from videogeneration.training.checkpoints import Checkpoint

    source, _, name = network.partition("/")
    with _session(metadata, env) as (_, context):
        trained = Checkpoint(context.catalog.load("models_folder") / source / name)
        reports = metadata.project_path / "data" / "08_reporting" / source
        put(trained, reports, code_commit(), packaged(source))
        click.echo(packaged(source).summary())


@contextmanager
def _session(
    metadata: ProjectMetadata, env: str | None, parameters: dict[str, Any] | None = None
) -> Iterator[tuple[KedroSession, KedroContext]]:
    """A session of the project, in which others' logs are silent and mistakes are one line."""
    with (
        _quietly(),
        _in_one_line(),
        KedroSession.create(metadata.project_path, env=env, runtime_params=parameters) as session,
    ):
        assert isinstance(session, KedroSession)  # unless another class is configured
        yield session, session.load_context()


@contextmanager
def _in_one_line() -> Iterator[None]:
    """A user's mistake as one line in place of a traceback."""
    nodes = logging.getLogger("kedro.pipeline.node")
    nodes.addFilter(_is_no_mistake)
    try:
        yield
    except Exception as error:
        said = mistake(error)
        if said is None or isinstance(error, click.ClickException):
            raise
        raise click.ClickException(said) from None
    finally:
        nodes.removeFilter(_is_no_mistake)


def _is_no_mistake(record: logging.LogRecord) -> bool:
    """Whether a record is not of a user's mistake, which is said once, at the end."""
    error = sys.exc_info()[1]
    return record.levelno < logging.ERROR or error is None or mistake(error) is None


@contextmanager
def _quietly() -> Iterator[None]:
    """Without others' logs."""
    levels = {name: logging.getLogger(name).level for name in QUIET}
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
