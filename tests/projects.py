"""Kedro projects in a folder of their own, with settings that take seconds."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from kedro.framework.session import KedroSession

ROOT = Path(__file__).parents[1]

TINY = {
    "compute": {"device": "cpu", "precision": "float32"},
    "kth": {
        "actions": ["walking", "boxing"],
        "people": {"subjects": 4, "scenarios": ["d1"], "sequences": 1, "films": 8, "seed": 1},
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
        "mse": {"steps": 10, "batch_size": 4, "warmup": 2},
        "discriminator": {"widths": [8, 16]},
        "gan": {"steps": 6, "discriminator_warmup": 4, "batch_size": 4, "period": 2},
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


def new_project(folder: Path) -> Path:
    """A copy of the project's configuration, with settings that take seconds."""
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, folder)
    (folder / "src").mkdir()
    (folder / "conf" / "local").mkdir()
    (folder / "conf" / "local" / "parameters.yml").write_text(yaml.safe_dump(TINY))
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
