"""The judging pipelines."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.judging import nodes
from videogeneration.pipelines.stages import stage
from videogeneration.sources import SOURCES


def judging(source: str) -> list[str]:
    """Names of what `nodes.make_judge` takes, as the last inputs of every node that marks films."""
    trained = ["judge"] if SOURCES[source].judge_task else []
    return ["source", "grammar", *trained]


def create_pipeline(source: str) -> Pipeline:
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
