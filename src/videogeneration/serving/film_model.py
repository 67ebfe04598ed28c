"""What MLflow serves: a picture and a sentence in, a film out.

A logged model holds this file and runs it when it is loaded ("models from code"), so nothing of it
is pickled.
"""

import base64
import binascii
import threading
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PythonModel, PythonModelContext

from videogeneration.animation import Animator
from videogeneration.captions import CaptionError
from videogeneration.sources.photos import PictureError
from videogeneration.training.checkpoints import Checkpoint
from videogeneration.training.device import Device
from videogeneration.uploads import LARGEST_FILE, MOST_STEPS, animate_upload

MOST_PICTURES = 4
"""Of one request."""


class FilmModel(PythonModel):
    """A generator that draws a film for every row of a table."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the network; its source's name is in the model's configuration."""
        checkpoint = Checkpoint(Path(context.artifacts["network"]))
        device = Device.choose("auto", "float32").name
        source = context.model_config["source"]
        self.animator = Animator.open(checkpoint, source, device=device)
        # one film at a time: they share the machine
        self.turn = threading.Lock()

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Draw a film for every row.

        Args:
            context: Not used.
            model_input: `picture`, a file of a picture or video in base64, and `sentence`.
            params: `steps`, frames to draw, and `seed`.

        Returns:
            A row each: `mp4` in base64, `sentence` in full, `steps` that were drawn.

        Raises:
            MlflowException: The request asks for too much, or for what cannot be done; a server
                answers with status 400 and says it.
        """
        asked = {"steps": 20, "seed": 0, **(params or {})}
        steps, seed = asked["steps"], asked["seed"]
        if not 1 <= steps <= MOST_STEPS:
            raise _refused(f"steps: {steps}; it must be 1 to {MOST_STEPS}")
        if not 0 <= seed <= 2**31:
            raise _refused(f"seed: {seed}; it must be 0 to {2**31}")
        if len(model_input) > MOST_PICTURES:
            raise _refused(f"{len(model_input)} pictures; at most {MOST_PICTURES} at once")
        rows = []
        for picture, sentence in zip(model_input["picture"], model_input["sentence"], strict=True):
            if not isinstance(picture, str) or not isinstance(sentence, str):
                raise _refused("picture and sentence must be texts, the picture in base64")
            upload = _decoded(picture)
            try:
                with self.turn:
                    made = animate_upload(
                        self.animator, upload, "picture", sentence, steps, samples=1, seed=seed
                    )
            except (CaptionError, PictureError) as error:
                raise _refused(str(error)) from error
            (film,) = made["films"]
            rows.append({"mp4": film["mp4"], "sentence": made["sentence"], "steps": film["steps"]})
        return pd.DataFrame(rows, columns=["mp4", "sentence", "steps"])


def _decoded(picture: str) -> bytes:
    if len(picture) > LARGEST_FILE * 4 / 3:
        raise _refused(f"picture: more than {LARGEST_FILE // 1_000_000} MB")
    try:
        return base64.b64decode(picture, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused(f"picture: no base64 ({error})") from error


def _refused(said: str) -> MlflowException:
    return MlflowException.invalid_parameter_value(said)


mlflow.models.set_model(FilmModel())
