"""The data pipelines."""

from kedro.pipeline import Node, Pipeline

from videogeneration.data.clips import Clips
from videogeneration.pipelines.data import nodes
from videogeneration.pipelines.stages import stage


def create_download_pipeline(source: str) -> Pipeline:
    """Real data from where it is published."""
    inputs = ["source", f"params:{source}", "raw_folder"]
    download = Node(nodes.download, inputs, None, name="download", tags="data")
    return stage("data", source, [download])


def create_pipeline(source: str) -> Pipeline:
    """From a source's settings to clips, one-hot captions and a preview sheet."""
    made = [
        Node(
            nodes.make_clips,
            ["source", f"params:{source}", "raw_folder"],
            ["clips", "grammar"],
            name="make_clips",
            tags="data",
        ),
        Node(Clips.report, "clips", "clips_report", name="report_clips", tags="data"),
        Node(
            nodes.encode_captions,
            ["clips", "grammar"],
            "captions",
            name="encode_captions",
            tags="data",
        ),
        Node(nodes.preview, "clips", "preview_sheet", name="preview", tags=["data", "reporting"]),
    ]
    return stage("data", source, made)
