"""The benchmark pipelines."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.benchmark import nodes
from videogeneration.pipelines.evaluation.pipeline import reading_nodes
from videogeneration.pipelines.stages import stage


def create_pipeline(source: str) -> Pipeline:
    """Variants of a source's training after the same minutes, scored and set side by side."""
    compared = [
        Node(
            nodes.train_variants,
            [
                "clips",
                "captions",
                "grammar",
                "params:network",
                "params:windows",
                "params:mse",
                "params:benchmark",
                "params:compute",
                "models_folder",
            ],
            "variants",
            name="train_variants",
            tags="training",
        ),
        Node(
            nodes.measure_speed,
            ["clips", "grammar", "params:benchmark", "params:compute", "variants"],
            "benchmark_speed_table",
            name="measure_speed",
            tags="evaluation",
        ),
        Node(
            nodes.predict_variants,
            ["clips", "grammar", "params:evaluation", "params:compute", "variants"],
            "benchmark_predictions",
            name="predict_variants",
            tags="evaluation",
        ),
        *reading_nodes(source, "benchmark_"),
        Node(
            nodes.compare_variants,
            [
                "benchmark_scores_table",
                "benchmark_caption_following_table",
                "benchmark_long_table",
                "benchmark_speed_table",
                "params:benchmark",
                "models_folder",
            ],
            "benchmark_comparison_table",
            name="compare_variants",
            tags="evaluation",
        ),
    ]
    return stage("benchmark", source, compared)
