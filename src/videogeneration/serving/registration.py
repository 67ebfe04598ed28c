"""A trained generator goes into MLflow's registry, with its scores."""

import base64
import io
import logging
import math
from importlib.metadata import requires, version
from pathlib import Path

import mlflow
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from packaging.requirements import Requirement
from PIL import Image

from videogeneration.demo.examples import examples
from videogeneration.evaluation.scoring import headline
from videogeneration.training.checkpoints import Checkpoint

logger = logging.getLogger(__name__)

SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("string", "picture"), ColSpec("string", "sentence")]),
    outputs=Schema(
        [ColSpec("string", "mp4"), ColSpec("string", "sentence"), ColSpec("long", "steps")]
    ),
    params=ParamSchema([ParamSpec("steps", "long", 20), ParamSpec("seed", "long", 0)]),
)
"""Of `FilmModel.predict`."""

CHAMPION = "champion"
"""Alias of the version whose films most often do what their sentence says, see `_at_least`; of
several of the one that is nearest to the true frames. A shorter training does not become it by
being newer."""


def register(
    checkpoint: Checkpoint, source: str, scores: pd.DataFrame, following: pd.DataFrame
) -> None:
    """Register a generator as `videogeneration-<source>`; nothing where no MLflow run is active.

    Weights that are registered already get no second version, but the scores of this time.

    Args:
        checkpoint: The generator; its folder's name is what it is called in the tables.
        source: Name of the source whose pictures and sentences it knows.
        scores: As `scoring.score` makes it.
        following: As `scoring.following_rates` makes it.
    """
    if mlflow.active_run() is None:
        return
    client, name = mlflow.MlflowClient(), f"videogeneration-{source}"
    measured = headline(scores, following, checkpoint.folder.name)
    tags = {
        "name": checkpoint.folder.name,
        "network": checkpoint.description()["network"],
        "steps": checkpoint.steps,
        "finished": checkpoint.finished,
        "weights": checkpoint.fingerprint(),
        "films": following.loc[following["model"] == checkpoint.folder.name, "n"].sum(),
        **{{"rate": "followed"}.get(name, name): f"{x:.4f}" for name, x in measured.items()},
    }
    known = [
        found.version
        for found in client.search_model_versions(f"name='{name}'")
        if found.tags.get("weights") == tags["weights"]
    ]
    number = known[0] if known else _log(checkpoint, source, name)
    for key, value in tags.items():
        client.set_model_version_tag(name, number, key, str(value))
    best = max(
        client.search_model_versions(f"name='{name}'"),
        key=lambda found: (
            _at_least(float(found.tags.get("followed", 0)), int(found.tags.get("films", 0))),
            float(found.tags.get("foreground_psnr", -1)),
            int(found.version),
        ),
    )
    client.set_registered_model_alias(name, CHAMPION, best.version)
    logger.info(
        "%s is version %s of %s, whose %s is version %s",
        *(checkpoint.summary(), number, name, CHAMPION, best.version),
    )


def _at_least(share: float, films: int) -> float:
    """The share of all films that do it, at least, by so many: Wilson's interval of 95 % (1927).

    A network whose films are few does not become the best one by luck.
    """
    z = 1.96
    middle = share * films + z**2 / 2
    return (middle - z * math.sqrt(films * share * (1 - share) + z**2 / 4)) / (films + z**2)


def _log(checkpoint: Checkpoint, source: str, name: str) -> str:
    """Log the model with everything that it needs; the number of its version."""
    package = Path(__file__).parents[1]
    model = mlflow.pyfunc.log_model(
        name=f"{source}-{checkpoint.folder.name}",
        python_model=str(Path(__file__).with_name("film_model.py")),
        model_config={"source": source},
        artifacts={"network": str(checkpoint.folder)},
        code_paths=[str(package)],
        pip_requirements=_requirements(),
        signature=SIGNATURE,
        input_example=(_example(checkpoint, source), {"steps": 10, "seed": 0}),
        registered_model_name=name,
    )
    return str(model.registered_model_version)


def _requirements() -> list[str]:
    """What the package needs to draw films, in the versions that are installed here."""
    names = [Requirement(line) for line in requires(__name__.partition(".")[0]) or []]
    return [
        # without the build, which no index knows: torch 2.13.0+cpu
        f"{needed.name}=={version(needed.name).partition('+')[0]}"
        for needed in names
        if not needed.marker and not needed.name.startswith("kedro")
    ]


def _example(checkpoint: Checkpoint, source: str) -> pd.DataFrame:
    """A picture of the source, where it has one to try, and a sentence."""
    blank = io.BytesIO()
    Image.new("L", (256, 256)).save(blank, "PNG")
    _, picture = next(examples(source), ("", blank.getvalue()))
    sentence = checkpoint.grammar().sentences()[0]
    return pd.DataFrame({"picture": [base64.b64encode(picture).decode()], "sentence": [sentence]})
