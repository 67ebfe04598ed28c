"""Settings that check themselves: types and unknown names by pydantic, ranges in the class."""

from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

_Settings = TypeVar("_Settings")


@dataclass_transform(frozen_default=True)
def validated(settings: type[_Settings]) -> type[_Settings]:
    """A frozen dataclass that refuses values of the wrong type and names that it does not have."""
    checked: Any = dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))(
        settings
    )
    return checked
