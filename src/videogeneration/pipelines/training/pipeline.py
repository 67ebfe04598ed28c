"""The training pipelines."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.stages import stage
from videogeneration.pipelines.training import nodes
from videogeneration.pipelines.training.workers import SHARED
from videogeneration.sources import SOURCES

MSE = Node(
    nodes.train_mse,
    [
        "clips",
        "captions",
        "grammar",
        "params:network",
        "params:windows",
        "params:mse",
        "params:compute",
        "models_folder",
    ],
    ["mse", "mse_losses"],
    name="train_mse",
    tags=["training", SHARED],
)

GAN = Node(
    nodes.train_gan,
    [
        "mse",
        "clips",
        "captions",
        "grammar",
        "params:discriminator",
        "params:windows",
        "params:gan",
        "params:compute",
        "models_folder",
    ],
    ["gan", "gan_losses"],
    name="train_gan",
    tags=["training", SHARED],
)


def create_pipeline(source: str, adversarial: bool) -> Pipeline:
    """Training with MSE and, where asked, against a discriminator after it.

    Args:
        source: Name of a registered source; its clips must exist.
        adversarial: Whether the GAN training follows.
    """
    trained = [MSE, *([GAN] if adversarial else [])]
    return stage("training", source, trained)


def create_judge_pipeline(source: str) -> Pipeline:
    """Training of a source's judge; nothing where it has no network."""
    if not SOURCES[source].judge_task:
        return Pipeline([])
    train = Node(
        nodes.train_judge,
        ["source", "clips", "grammar", "params:judge", "params:compute", "models_folder"],
        ["judge", "judge_losses"],
        name="train_judge",
        tags="training",
    )
    return stage("training", source, [train])
