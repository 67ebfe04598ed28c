"""Typed settings: frozen dataclasses that pydantic checks, and errors that say what to do."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, TypeVar, dataclass_transform, get_type_hints

from pydantic import BeforeValidator, ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

_Settings = TypeVar("_Settings")
_NAMED = r"[\w.]+: "


class SettingsError(ValueError):
    """A setting that does not exist, or a value that it cannot have; a line for each."""


def _split(value: Any) -> Any:
    """`a+b` as a command line has it, or a single value, as a list."""
    if isinstance(value, str):
        return [part for part in value.split("+") if part]
    return [value] if isinstance(value, int | float) else value


Listed = BeforeValidator(_split)
"""For `Annotated[tuple[..., ...], Listed]`: a list that a command line may give as `a+b`."""


def check_name(name: str, known: Iterable[str], what: str) -> None:
    """Raise a ValueError that names near ones, or a few all, when a name is not among the known."""
    names = list(known)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"known: {', '.join(names[:60])}"
        if near and len(names) > 10:
            hint = f"did you mean {' or '.join(near)}?"
        raise ValueError(f"{what} '{name}' does not exist; {hint}")


@dataclass_transform(frozen_default=True)
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
    check = checked.__init__

    @wraps(check)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            check(self, *args, **kwargs)
        except ValidationError as error:
            raise SettingsError("\n".join(_lines(error, checked))) from None

    checked.__init__ = init
    return checked


def within(name: str, error: ValueError) -> SettingsError:
    """What is wrong with settings that are given as a part of others: `name.setting: ...`."""
    lines = (
        f"{name}{'.' if re.match(_NAMED, line) else ': '}{line}" for line in str(error).splitlines()
    )
    return SettingsError("\n".join(lines))


def _lines(error: ValidationError, settings: Any) -> list[str]:
    """What pydantic's errors say, each in one line."""
    entries: list[Any] = [*error.errors()]
    inner = {entry["loc"][:-1] for entry in entries}
    # a list with a wrong entry is not too short: pydantic counts the right ones
    said = [x for x in entries if x["type"] != "too_short" or x["loc"] not in inner]
    return [_line(entry, settings) for entry in said]


def _line(entry: Any, settings: Any) -> str:
    """What one of pydantic's errors says, in one line."""
    # without the kinds of a union, of which pydantic names each
    parts = [part for part in map(str, entry["loc"]) if re.fullmatch(r"\w+", part)]
    name = ".".join(part for part in parts if part != "str")
    if entry["type"] == "unexpected_keyword_argument":
        for part in entry["loc"][:-1]:
            inner = get_type_hints(settings).get(part)
            settings = inner if is_dataclass(inner) else settings
        known = [field.name for field in fields(settings)]
        near = difflib.get_close_matches(str(entry["loc"][-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known)}"
        return f"{name}: there is no such setting; {hint}"
    if entry["type"] == "value_error":
        # a check of the class's own, which says everything itself
        said = str(entry["ctx"]["error"])
        return str(within(name, ValueError(said))) if name else said
    message = re.sub("^(Input|Tuple|List) | after validation", "", entry["msg"])
    return f"{name}: {entry['input']!r} {message}"
