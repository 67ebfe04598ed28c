"""Variants of a source's training, to be compared after the same minutes."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from videogeneration.training.mse import MseTraining
from videogeneration.validated import validated

_TAKEN = ("truth", "copy_last", "warp_last", "clips", "grammar", "settings", "compute")
"""Names that mean something else where models are compared."""


@validated
class Variant:
    """What a variant changes in its source's own parameters; nothing else changes.

    Attributes:
        network: Its `name`, and settings of networks by their names.
        windows: How windows are cut and varied.
        mse: How it is trained, but for `steps`, which follow from the minutes.
    """

    network: dict[str, Any] = Field(default_factory=dict)
    windows: dict[str, Any] = Field(default_factory=dict)
    mse: dict[str, Any] = Field(default_factory=dict)

    def __post_init__(self) -> None:
        if "steps" in self.mse:
            raise ValueError("mse.steps: the benchmark chooses them by its minutes; leave it out")

    def applied_to(self, training: MseTraining) -> MseTraining:
        """The same training with this variant's changes."""
        return replace(
            training,
            network=merged(training.network, self.network),
            windows=replace(training.windows, **self.windows),
            settings=replace(training.settings, **self.mse),
        )


@validated
class BenchmarkSettings:
    """Which trainings are compared.

    Attributes:
        minutes: Time that each may train, without its scoring.
        variants: By name.
        reference: The variant that the others are measured against.
    """

    minutes: Annotated[float, Field(gt=0)]
    variants: dict[str, Variant]
    reference: str = "original"

    def __post_init__(self) -> None:
        for name in self.variants:
            if not re.fullmatch(r"\w[\w-]*", name) or name in _TAKEN:
                raise ValueError(
                    f"variants: '{name}'; name a variant with letters, digits, _ and -, and not "
                    f"{', '.join(_TAKEN)}"
                )
        if self.reference not in self.variants:
            known = ", ".join(self.variants)
            raise ValueError(f"reference: '{self.reference}' is no variant; choose one of {known}")

    def trainings(self, own: MseTraining) -> dict[str, MseTraining]:
        """Every variant's training, by name; all with new weights but for those that name others.

        Args:
            own: The training by the source's own parameters.

        Raises:
            ValueError: A variant has a setting that cannot be; it is named before any is trained.
        """
        trainings = {}
        own = replace(own, settings=replace(own.settings, start=None))
        for name, variant in self.variants.items():
            try:
                trainings[name] = variant.applied_to(own)
                trainings[name].generator()
            except ValueError as error:
                raise ValueError(f"benchmark.variants.{name}: {error}") from error
        return trainings


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings, some of which are replaced."""
    both = {**old, **new}
    for key in old.keys() & new.keys():
        if isinstance(old[key], Mapping) and isinstance(new[key], Mapping):
            both[key] = merged(old[key], new[key])
    return both
