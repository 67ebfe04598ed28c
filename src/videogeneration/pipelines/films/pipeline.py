"""The pipelines that make films with networks which are trained already."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.evaluation.pipeline import judging
from videogeneration.pipelines.films import nodes
from videogeneration.pipelines.stages import stage


def create_animate_pipeline() -> Pipeline:
    """One's own pictures and a sentence to films."""
    return Pipeline(
        [
            Node(
                nodes.animate,
                ["params:animate", "params:compute", "models_folder"],
                ["films", "sheets"],
                name="animate",
                tags="reporting",
            )
        ],
        namespace="animate",
        inputs={"models_folder"},
        parameters={"params:animate", "params:compute"},
    )


def create_pipeline(source: str) -> Pipeline:
    """Sentences to first frames, to films, and whether these do what was said."""
    filmed = [
        Node(
            nodes.text_to_video,
            [
                "text_to_image",
                "params:sentences",
                "params:text_to_video",
                "params:compute",
                "models_folder",
            ],
            "text_to_video_predictions",
            name="text_to_video",
            tags="evaluation",
        ),
        Node(
            nodes.follow_sentences,
            ["text_to_video_predictions", "clips", "params:evaluation", *judging(source)],
            "film_following_table",
            name="follow_sentences",
            tags="evaluation",
        ),
        Node(
            nodes.show_sentences,
            ["text_to_video_predictions", "params:text_to_video"],
            ["text_to_video_films", "text_to_video_sheet"],
            name="show_sentences",
            tags="reporting",
        ),
    ]
    return stage("films", source, filmed)
