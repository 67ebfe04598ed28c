"""How the pipelines of a source are named."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline


def stage(
    name: str, source: str, nodes: Iterable[Node], parameters: Iterable[str] = ()
) -> Pipeline:
    """Nodes of one stage, for one source.

    A node `train_mse` becomes `kth.training.train_mse`, a dataset `mse` becomes `kth.mse`.

    Args:
        name: Of the stage.
        source: Name of a registered source.
        nodes: The nodes.
        parameters: Names of what they read that belongs to no source.
    """
    grouped = Pipeline(nodes, namespace=name, prefix_datasets_with_namespace=False)
    return Pipeline(grouped, namespace=source, parameters=set(parameters))
