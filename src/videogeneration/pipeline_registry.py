"""Every pipeline that `kedro run --pipeline=` knows."""

from kedro.pipeline import Pipeline

from videogeneration.pipelines.benchmark import pipeline as benchmark_pipeline
from videogeneration.pipelines.data import pipeline as data_pipeline
from videogeneration.pipelines.evaluation import pipeline as evaluation_pipeline
from videogeneration.pipelines.films import pipeline as films_pipeline
from videogeneration.pipelines.images import pipeline as images_pipeline
from videogeneration.pipelines.training import pipeline as training_pipeline
from videogeneration.sources import SOURCES


def register_pipelines() -> dict[str, Pipeline]:
    """Pipelines by name; `__default__` is the adversarial training of the first source."""
    pipelines = {name: made for source in SOURCES for name, made in _of(source).items()}
    pipelines["animate"] = films_pipeline.create_animate_pipeline()
    return {**pipelines, "__default__": pipelines[f"{next(iter(SOURCES))}_gan"]}


def _of(source: str) -> dict[str, Pipeline]:
    """A source's pipelines by name."""
    judge = training_pipeline.create_judge_pipeline(source)
    on_clips = {
        name: training_pipeline.create_pipeline(source, adversarial=name == "gan")
        + judge
        + evaluation_pipeline.create_pipeline(source, models)
        for name, models in (("mse", ["mse"]), ("gan", ["mse", "gan"]))
    }
    on_clips["text_to_image"] = images_pipeline.create_pipeline(source)
    on_clips["benchmark"] = judge + benchmark_pipeline.create_pipeline(source)
    clips = data_pipeline.create_pipeline(source)
    download = data_pipeline.create_download_pipeline(source)
    return {
        **({f"{source}_download": download} if SOURCES[source].download else {}),
        f"{source}_data": clips,
        **{f"{source}_{name}": clips + pipeline for name, pipeline in on_clips.items()},
        f"{source}_text_to_video": films_pipeline.create_pipeline(source),
    }
