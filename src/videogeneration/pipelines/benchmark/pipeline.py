"""The benchmark pipelines."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.benchmark import nodes
from videogeneration.pipelines.benchmark.nodes import of_variants
from videogeneration.pipelines.evaluation.nodes import (
    draw_sheets,
    follow_captions,
    score_long_films,
    score_models,
)


def create_pipeline(source: str) -> Pipeline:
    """Variants of a source's training after the same minutes, scored and set side by side.

    Args:
        source: Name of a registered source; its clips must exist.
    """
    scored = ["source", "clips", "grammar", "params:evaluation", "params:compute", "variants"]
    return Pipeline(
        [
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
            ),
            Node(
                nodes.measure_speed,
                ["clips", "grammar", "params:benchmark", "params:compute", "variants"],
                "benchmark_speed_table",
                name="measure_speed",
            ),
            Node(
                of_variants(score_models),
                scored,
                [
                    "benchmark_scores_table",
                    "benchmark_scored_films_table",
                    "benchmark_score_plot",
                ],
                name="score_variants",
            ),
            Node(
                of_variants(follow_captions),
                scored,
                ["benchmark_caption_following_table", "benchmark_followed_films_table"],
                name="follow_captions_with_variants",
            ),
            Node(
                of_variants(score_long_films),
                scored,
                "benchmark_long_table",
                name="score_long_films_of_variants",
            ),
            Node(
                of_variants(draw_sheets),
                [*scored, "benchmark_scored_films_table"],
                [
                    "benchmark_contact_sheet",
                    "benchmark_caption_sheet",
                    "benchmark_long_sheet",
                    "benchmark_best_and_worst_sheet",
                ],
                name="draw_sheets_of_variants",
            ),
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
            ),
        ],
        namespace=source,
        inputs={"clips": f"{source}.clips"},
        parameters={"params:compute"},
    )
