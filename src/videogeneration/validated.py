"""Typed settings: frozen dataclasses that pydantic checks, and errors that say what to do."""

import difflib
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

_Settings = TypeVar("_Settings")


class SettingsError(ValueError):
    """A setting that does not exist, or a value that it cannot have; a line for each."""


@dataclass_transform(frozen_default=True, field_specifiers=(Field,))
def validated(settings: type[_Settings]) -> type[_Settings]:
    """A frozen dataclass that checks the types and ranges of its fields.

    Ranges are said with `pydantic.Field(default, ge=..., le=...)`, choices with `Literal`. Whole
    numbers may be given for fractions and lists for tuples, as YAML has them.

    Raises:
        SettingsError: On making one: a name that it does not have, with the nearest one that it
            has, or a value out of range; the line begins with the setting's name.
    """
    checked: Any = dataclass(frozen=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))(
        settings
    )
    check, known = checked.__init__, [field.name for field in fields(checked)]

    @wraps(check)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            check(self, *args, **kwargs)
        except ValidationError as error:
            lines = [_line(dict(entry), known) for entry in error.errors()]
            raise SettingsError("\n".join(lines)) from None

    checked.__init__ = init
    return checked


def _line(entry: dict[str, Any], known: list[str]) -> str:
    """What one of pydantic's errors says, in one line."""
    name = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        return f"{name}: there is no such setting; {hint}"
    if entry["type"] == "value_error":
        # a check of the class's own, which says everything itself
        return ": ".join([*([name] if name else []), str(entry["ctx"]["error"])])
    message = entry["msg"].removeprefix("Input ")
    return f"{name}: {entry['input']!r} {message}"
