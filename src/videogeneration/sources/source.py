"""A source of clips: everything that the rest of the project needs to know of one."""

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from videogeneration.captions import Grammar
from videogeneration.data.clips import Clips, ClipStream
from videogeneration.evaluation.judges import Judge
from videogeneration.training.action_judge import JudgeSettings
from videogeneration.training.device import Device
from videogeneration.training.loop import Task
from videogeneration.validated import SettingsError, within

JudgeTask = Callable[[Clips, Any, JudgeSettings, Device], Task]
"""Training clips, their grammar, settings and a device to the training of a judge's network."""


@dataclass(frozen=True)
class PictureFormat:
    """How one's own picture is brought to a source's frame.

    Attributes:
        aspect: Width over height of the scene that fills a frame.
        background: `scene`: the picture's edge goes on where it has to be widened; `black`:
            figures are light on black, and a picture that is dark on light is inverted.
    """

    aspect: float = 1.0
    background: Literal["scene", "black"] = "black"


@dataclass(frozen=True)
class Source:
    """Where clips come from.

    Attributes:
        name: Namespace of its pipelines, parameters and data.
        settings: Typed settings of its clips, a `validated` class; its fields are the source's own
            parameters, at the top of its block.
        make_clips: Settings, and a folder in which it may keep raw material, to clips. What is
            wrong with the settings comes up at once, what is wrong with a clip while it is taken.
        grammar: What can be said of its clips, from its settings.
        judge: Says whether films do what a sentence of the grammar says; made of the grammar and,
            where there is a `judge_task`, the network that it has trained.
        picture: How one's own pictures are brought to its frames.
        download: Settings and the same folder to where it has put real data; None where there is
            none to be had. The setting `folder` may then name it.
        judge_task: How the judge's network is trained; None for a judge without one.
    """

    name: str
    settings: type[Any]
    make_clips: Callable[[Any, Path], ClipStream]
    grammar: Callable[[Any], Grammar]
    judge: Callable[..., Judge]
    picture: PictureFormat = PictureFormat()
    download: Callable[[Any, Path], Path] | None = None
    judge_task: JudgeTask | None = None

    def read_settings(self, block: Mapping[str, Any], others: Collection[str] = ()) -> Any:
        """Its settings from its block of parameters.

        Args:
            block: The source's own settings by name, and blocks for trainings and films.
            others: Names of these blocks.

        Raises:
            SettingsError: A name is neither the source's own nor one of the others, or a value is
                out of range; names the parameter.
        """
        if not isinstance(block, Mapping):
            raise SettingsError(f"{self.name}: {block!r} is no mapping of names to values")
        own = [field.name for field in fields(self.settings)]
        for name in block:
            if name not in own and name not in others:
                near = difflib.get_close_matches(name, [*own, *others], n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(own)}"
                raise SettingsError(f"{self.name}.{name}: there is no such setting; {hint}")
        try:
            return self.settings(**{name: x for name, x in block.items() if name in own})
        except SettingsError as error:
            raise within(self.name, error) from None
