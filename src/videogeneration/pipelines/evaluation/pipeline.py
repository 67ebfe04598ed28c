"""The evaluation pipelines."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.evaluation import nodes


def create_pipeline(source: str, models: Sequence[str]) -> Pipeline:
    """Rollouts, scores and pictures of trained generators on test clips.

    Args:
        source: Name of a registered source; its clips and models must exist.
        models: Names of the checkpoints that are compared.
    """
    inputs = {
        "source": "source",
        "clips": "clips",
        "grammar": "grammar",
        "settings": "params:evaluation",
        "compute": "params:compute",
        **{name: name for name in models},
    }
    return Pipeline(
        [
            Node(
                nodes.score_models,
                inputs,
                ["scores_table", "scored_films_table", "score_plot"],
                name="score_models",
            ),
            Node(
                nodes.follow_captions,
                inputs,
                ["caption_following_table", "followed_films_table"],
                name="follow_captions",
            ),
            Node(
                nodes.draw_sheets,
                {**inputs, "films": "scored_films_table"},
                ["contact_sheet", "caption_sheet", "long_sheet", "best_and_worst_sheet"],
                name="draw_sheets",
            ),
            Node(
                nodes.write_films,
                {**inputs, "films_folder": "films_folder"},
                "films",
                name="write_films",
            ),
        ],
        namespace=source,
        inputs={name: f"{source}.{name}" for name in ("clips", *models)},
        parameters={"params:compute"},
    )
