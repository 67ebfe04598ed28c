"""How the pipelines of a source are named."""

from collections.abc import Iterable

from kedro.pipeline import Node, Pipeline


def stage(name: str, source: str, nodes: Iterable[Node]) -> Pipeline:
    """Nodes of one stage, for one source.

    A node `train_mse` becomes `kth.training.train_mse`, a dataset `mse` becomes `kth.mse`.

    Args:
        name: Of the stage.
        source: Name of a registered source.
        nodes: The nodes.
    """
    grouped = Pipeline(nodes, namespace=name, prefix_datasets_with_namespace=False)
    # what belongs to no source, and the source's whole block, keep their names
    own = grouped.inputs() & {"params:compute", f"params:{source}"}
    return Pipeline(grouped, namespace=source, parameters=own)
