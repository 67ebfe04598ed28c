"""The evaluation pipelines."""

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.evaluation import nodes
from videogeneration.pipelines.stages import stage
from videogeneration.reporting.plots import plot_confusion, plot_scores
from videogeneration.serving.registration import register
from videogeneration.sources import SOURCES


def judging(source: str) -> list[str]:
    """Names of what `nodes.make_judge` takes, as the last inputs of every node that marks films."""
    trained = ["judge"] if SOURCES[source].judge_task else []
    return ["source", "grammar", *trained]


def reading_nodes(source: str, prefix: str = "") -> list[Node]:
    """Everything that reads predicted films: scores, plots, sheets and films to watch.

    Args:
        source: Name of a registered source.
        prefix: Before the names of the predictions and of what comes out.
    """
    predictions, films = f"{prefix}predictions", f"{prefix}scored_films_table"
    scored = [predictions, "clips", *judging(source)]
    return [
        Node(
            nodes.score_models,
            scored,
            [f"{prefix}scores_table", films],
            name="score_models",
            tags="evaluation",
        ),
        Node(
            nodes.follow_captions,
            scored,
            [
                f"{prefix}caption_following_table",
                f"{prefix}sentence_following_table",
                f"{prefix}followed_films_table",
                f"{prefix}confusion_table",
            ],
            name="follow_captions",
            tags="evaluation",
        ),
        Node(
            nodes.score_long_films,
            scored,
            f"{prefix}long_table",
            name="score_long_films",
            tags="evaluation",
        ),
        Node(
            plot_scores,
            f"{prefix}scores_table",
            f"{prefix}score_plot",
            name="plot_scores",
            tags="reporting",
        ),
        Node(
            plot_confusion,
            f"{prefix}confusion_table",
            f"{prefix}confusion_plot",
            name="plot_confusion",
            tags="reporting",
        ),
        Node(
            nodes.draw_sheets,
            [predictions, "clips", films, "params:evaluation"],
            [
                f"{prefix}contact_sheet",
                f"{prefix}caption_sheet",
                f"{prefix}long_sheet",
                f"{prefix}best_and_worst_sheet",
            ],
            name="draw_sheets",
            tags="reporting",
        ),
        Node(
            nodes.show_films,
            [predictions, "clips", "params:evaluation"],
            f"{prefix}films",
            name="show_films",
            tags="reporting",
        ),
    ]


def create_pipeline(source: str, models: Sequence[str]) -> Pipeline:
    """Films of trained generators on test clips, drawn once; scores and pictures of them.

    Args:
        source: Name of a registered source; its clips and models must exist.
        models: Names of the checkpoints that are compared; the last one is registered in MLflow.
    """
    inputs = {
        "clips": "clips",
        "grammar": "grammar",
        "settings": "params:evaluation",
        "compute": "params:compute",
        **{name: name for name in models},
    }
    predict = Node(nodes.predict, inputs, "predictions", name="predict", tags="evaluation")
    report = Node(
        nodes.write_report,
        {
            "predictions": "predictions",
            "clips": "clips",
            "source": "source",
            "settings": "params:evaluation",
            "scores": "scores_table",
            "films": "scored_films_table",
            "following": "caption_following_table",
            "sentences": "sentence_following_table",
            "followed": "followed_films_table",
            "confusion": "confusion_table",
            "long": "long_table",
            **{name: name for name in models},
        },
        "report",
        name="write_report",
        tags="reporting",
    )
    enter = Node(
        register,
        [models[-1], "source", "scores_table", "caption_following_table"],
        None,
        name="register_model",
        tags="reporting",
    )
    evaluated = [predict, *reading_nodes(source), report, enter]
    return stage("evaluation", source, evaluated)
