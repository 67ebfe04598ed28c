"""The networks by name: a new one is a file beside this one, and a line here."""

from typing import Any

from torch import nn

from videogeneration.models.action_judge import ActionJudge, ActionJudgeConfig
from videogeneration.models.classifier import Classifier, ClassifierConfig
from videogeneration.models.generator import Generator, GeneratorConfig
from videogeneration.models.interface import FilmModel
from videogeneration.models.original import Original, OriginalConfig
from videogeneration.models.people.people import People, PeopleConfig
from videogeneration.models.simvp import SimVP, SimVPConfig
from videogeneration.models.text_to_image import ImageGenerator, ImageGeneratorConfig
from videogeneration.models.unet import UNet, UNetConfig

FILM_MODELS: dict[str, tuple[type[FilmModel], Any]] = {
    "generator": (Generator, GeneratorConfig),
    "people": (People, PeopleConfig),
    "unet": (UNet, UNetConfig),
    "simvp": (SimVP, SimVPConfig),
    "original": (Original, OriginalConfig),
}
"""What makes films, with its configuration; `network.name` in a source's parameters."""

NETWORKS: dict[str, tuple[type[nn.Module], Any]] = {
    **FILM_MODELS,
    "imagegenerator": (ImageGenerator, ImageGeneratorConfig),
    "classifier": (Classifier, ClassifierConfig),
    "actionjudge": (ActionJudge, ActionJudgeConfig),
}
"""Every network that a checkpoint can hold, with its configuration."""
