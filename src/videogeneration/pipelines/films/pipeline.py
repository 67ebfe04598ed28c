"""The pipelines that make films with networks which are trained already."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.films import nodes


def create_animate_pipeline() -> Pipeline:
    """One's own pictures and a sentence to films."""
    return Pipeline(
        [
            Node(
                nodes.animate,
                ["params:animate", "params:compute", "models_folder", "folder"],
                "films",
                name="animate",
            )
        ],
        namespace="animate",
        inputs={"models_folder"},
        parameters={"params:animate", "params:compute"},
    )
