"""Nodes that make films with trained generators."""

from pathlib import Path
from typing import Literal

import numpy as np

from videogeneration.captions import KthGrammar
from videogeneration.datasets.pictures import PictureDataset
from videogeneration.evaluation.filming import Scene, film
from videogeneration.evaluation.sheets import contact_sheet
from videogeneration.sources.pictures import CAMERA_ASPECT, Frame, read_pictures
from videogeneration.training.checkpoints import Checkpoint, CheckpointError, newest
from videogeneration.training.device import Device
from videogeneration.validated import validated

GENERATORS = ("gan", "mse")
"""Names of a source's generators; the one that was finished last is used."""

NEXT_FRAME = ("generator", "original")
"""Networks that films can be made with."""


@validated
class AnimateSettings:
    """A film from one's own picture.

    Attributes:
        source: Whose networks and sentences: `kth`, `icons` or `mnist`.
        image: A picture, a video, or a folder of them.
        caption: What shall happen.
        steps: Frames to draw.
        others: Largest number of the source's other sentences that are filmed beside it.
        fit: `pad` shows the whole picture, `crop` fills the frame from its middle.
        model: Name of a trained generator; None for the newest of `gan` and `mse`.
        fps: Frames a second of the films, and at how many a video is looked at.
    """

    source: Literal["kth", "icons", "mnist"] = "kth"
    image: str | None = None
    caption: str | None = None
    steps: int = 20
    others: int = 3
    fit: Literal["pad", "crop"] = "pad"
    model: str | None = None
    fps: float = 5.0

    def __post_init__(self) -> None:
        if not self.image:
            raise ValueError(
                "image: name a picture, a video or a folder of them, animate.image=PATH"
            )
        if not self.caption:
            raise ValueError(
                "caption: say what shall happen, animate.caption=a person is walking to the left"
            )
        if self.steps < 1:
            raise ValueError(f"steps: {self.steps}; choose 1 or more")
        if self.others < 0:
            raise ValueError(f"others: {self.others}; choose 0 or more")
        if not 0.1 <= self.fps <= 100:
            raise ValueError(f"fps: {self.fps}; choose 0.1 to 100")


def animate(
    settings: AnimateSettings, compute: dict[str, str], models_folder: Path, folder: Path
) -> list[Path]:
    """Films from one's own pictures: a GIF, an MP4 and a contact sheet for each.

    Returns:
        The files written, named after the pictures.
    """
    generator = choose_generator(models_folder / settings.source, settings.model)
    grammar = generator.grammar()
    sentence = grammar.check(str(settings.caption))
    sentences = [sentence, *grammar.alternatives(sentence)[: settings.others]]
    device = Device.choose(compute["device"], "float32").name
    network = generator.load(device)
    config = generator.description()["config"]
    frame = Frame(
        config["height"],
        config["width"],
        *((CAMERA_ASPECT, "scene") if isinstance(grammar, KthGrammar) else (1.0, "black")),
        fit=settings.fit,
    )
    files = []
    for name, picture in read_pictures(Path(str(settings.image)), frame, settings.fps):
        given = np.repeat(picture[None].astype(np.float32) / 255, len(sentences), axis=0)
        filmed = film(
            Scene(name, given, sentences, sentences),
            network,
            grammar.vocabulary,
            settings.steps,
            folder / name,
            settings.fps,
            device,
        )
        sheets = [filmed.sheet(text, {"": number}) for number, text in enumerate(sentences)]
        sheet = folder / f"{name}_sheet.png"
        PictureDataset(filepath=str(sheet)).save(contact_sheet(sheets))
        files += [*filmed.files, sheet]
    return files


def choose_generator(folder: Path, name: str | None) -> Checkpoint:
    """A source's trained generator: the named one, or the newest.

    Raises:
        CheckpointError: It is not trained, and how to train one; or it draws no next frames.
    """
    try:
        found = newest(folder, [name] if name else GENERATORS)
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}; train one: kedro run --pipelines={folder.name}_mse"
        ) from error
    network = found.description()["network"]
    if network not in NEXT_FRAME:
        raise CheckpointError(f"model: {found.folder} holds a {network}, which draws no films")
    return found
