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
    pipelines = {}
    for source in SOURCES:
        clips = data_pipeline.create_pipeline(source)
        pipelines[f"{source}_data"] = clips
        pipelines[f"{source}_text_to_image"] = clips + images_pipeline.create_pipeline(source)
        for name, models in (("mse", ["mse"]), ("gan", ["mse", "gan"])):
            pipelines[f"{source}_{name}"] = (
                clips
                + training_pipeline.create_pipeline(source, adversarial=name == "gan")
                + evaluation_pipeline.create_pipeline(source, models)
            )
        pipelines[f"{source}_benchmark"] = clips + benchmark_pipeline.create_pipeline(source)
        pipelines[f"{source}_text_to_video"] = films_pipeline.create_pipeline(source)
    pipelines["animate"] = films_pipeline.create_animate_pipeline()
    return {**pipelines, "__default__": pipelines[f"{next(iter(SOURCES))}_gan"]}
