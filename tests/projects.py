"""Kedro projects in a folder of their own, with settings that take seconds."""

import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from kedro.framework.session import KedroSession

from videogeneration.database import prepare

ROOT = Path(__file__).parents[1]

TINY = {
    "compute": {"device": "cpu", "precision": "float32"},
    "kth": {
        "actions": ["walking", "boxing"],
        "people": {
            "subjects": 4,
            "scenarios": ["d1"],
            "sequences": 1,
            "films": 8,
            "seed": 1,
            "processes": 1,
        },
        "clips": {"size": 32, "phases": "first"},
        "motions": 40,
        "sentences": ["a person is walking to the left", "a person is walking to the right"],
        "network": {
            "people": {
                "sequences": 4,
                "pose": {"width": 8},
                "motion": {
                    "width": 16,
                    "blocks": 1,
                    "trajectory_width": 16,
                    "trajectory_blocks": 1,
                    "steps": 2,
                },
                "background": {"width": 8},
                "renderer": {"rows": 32, "columns": 24, "body": 24.0, "width": 8, "latent": 16},
            },
            "unet": {"widths": [8, 16], "embedding": 16},
            "simvp": {"spatial": 4, "temporal": 16},
        },
        "mse": {"start": None, "steps": 10, "batch_size": 4, "warmup": 2},
        "discriminator": {"widths": [8, 16]},
        "gan": {"steps": 6, "discriminator_warmup": 4, "batch_size": 4},
        "judge": {"steps": 2, "batch_size": 4, "films": {"size": 32}},
        "evaluation": {"films": 6, "sheet_films": 2, "long_steps": 12},
        "image_generator": {"size": 20, "noise": 8, "widths": [16, 8], "background": [16, 8]},
        "image_discriminator": {"widths": [8, 16]},
        "text_to_image": {"steps": 4, "discriminator_warmup": 2, "batch_size": 4},
        "classifier": {"steps": 4, "batch_size": 4},
        "image_evaluation": {"pictures": 8, "sheet_pictures": 3, "sample_every": 3},
        "benchmark": {
            "minutes": 0.005,
            "variants": {"narrow": {"network": {"people": {"condition": 16}}}},
        },
    },
}


@cache
def empty_database() -> bytes:
    """MLflow's database without a run; to make its tables takes seconds."""
    with TemporaryDirectory() as folder:
        database = Path(folder) / "mlflow.db"
        prepare(database, "videogeneration", database.parent.as_uri())
        return database.read_bytes()


def new_project(folder: Path, bare: bool = False) -> Path:
    """A copy of the project's configuration, with settings that take seconds.

    `bare` is as a copy from version control: its first run makes MLflow's database.
    """
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").mkdir()
    (folder / "conf" / "local").mkdir()
    (folder / "conf" / "local" / "parameters.yml").write_text(yaml.safe_dump(TINY))
    if not bare:
        (folder / "mlflow.db").write_bytes(empty_database())
    return folder


def run(
    project: Path,
    pipeline: str | None,
    nodes: list[str] | None = None,
    env: str | None = None,
    tags: list[str] | None = None,
    from_nodes: list[str] | None = None,
    **parameters: Any,
) -> None:
    """What `kedro run --pipeline= --nodes= --env= --tags= --from-nodes= --params=` does."""
    with KedroSession.create(project, env=env, runtime_params=parameters) as session:
        assert isinstance(session, KedroSession)
        session.run(pipeline_name=pipeline, node_names=nodes, tags=tags, from_nodes=from_nodes)
