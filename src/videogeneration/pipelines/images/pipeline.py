"""The text-to-image pipelines."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.images import nodes
from videogeneration.pipelines.stages import stage


def create_pipeline(source: str) -> Pipeline:
    """Training of first frames and of the classifier that scores them, and the scores."""
    made = [
        Node(
            nodes.train_text_to_image,
            [
                "clips",
                "grammar",
                "params:image_generator",
                "params:image_discriminator",
                "params:first_frames",
                "params:text_to_image",
                "params:image_evaluation",
                "params:compute",
                "models_folder",
            ],
            ["text_to_image", "text_to_image_losses"],
            name="train_text_to_image",
            tags="training",
        ),
        Node(
            nodes.train_classifier,
            [
                "clips",
                "grammar",
                "params:first_frames",
                "params:classifier",
                "params:compute",
                "models_folder",
            ],
            ["classifier", "classifier_losses"],
            name="train_classifier",
            tags="training",
        ),
        Node(
            nodes.score_images,
            [
                "text_to_image",
                "classifier",
                "clips",
                "grammar",
                "params:first_frames",
                "params:image_evaluation",
                "params:compute",
            ],
            "image_scores_table",
            name="score_images",
            tags="evaluation",
        ),
        Node(
            nodes.draw_image_sheet,
            ["text_to_image", "clips", "grammar", "params:image_evaluation", "params:compute"],
            "text_to_image_sheet",
            name="draw_image_sheet",
            tags="reporting",
        ),
    ]
    return stage("images", source, made)
