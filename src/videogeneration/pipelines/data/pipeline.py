"""The data pipelines: one ending for all sources, a beginning for each."""

from kedro.pipeline import Node, Pipeline

from videogeneration.pipelines.data import nodes

BEGINNINGS: dict[str, list[Node]] = {
    "kth": [
        Node(
            nodes.prepare_recordings,
            ["params:source", "params:folder", "params:walkers", "rendered_folder"],
            "recordings",
            name="prepare_recordings",
        ),
        Node(
            nodes.extract_recordings,
            [
                "recordings",
                "params:actions",
                "params:split",
                "params:test_subjects",
                "params:clips",
                "clips_folder",
            ],
            ["clips", "clips_report", "grammar"],
            name="extract_recordings",
        ),
    ],
    "icons": [Node(nodes.draw_icons, "params:elements", "sprites", name="draw_icons")],
    "mnist": [
        Node(
            nodes.read_digits,
            ["params:source", "params:folder", "params:seed"],
            "sprites",
            name="read_digits",
        )
    ],
}


def create_pipeline(source: str) -> Pipeline:
    """From raw material to clips, one-hot captions and a preview sheet.

    Args:
        source: `kth`, `icons` or `mnist`.
    """
    scenes = Node(
        nodes.make_scenes,
        [
            "sprites",
            "params:scenes",
            "params:held_out",
            "params:counts",
            "params:seed",
            "clips_folder",
        ],
        ["clips", "clips_report", "grammar"],
        name="make_scenes",
    )
    return Pipeline(
        [
            *BEGINNINGS[source],
            *([] if source == "kth" else [scenes]),
            Node(nodes.encode_captions, ["clips", "grammar"], "captions", name="encode_captions"),
            Node(nodes.preview, "clips", "preview_sheet", name="preview", tags="reporting"),
        ],
        namespace=source,
        tags="data",
    )
