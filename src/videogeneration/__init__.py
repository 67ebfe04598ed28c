"""Videogeneration: a first frame and a sentence become a film."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from videogeneration.animation import Animator
    from videogeneration.reporting.films import write_film

__all__ = ["Animator", "write_film"]

_HOMES = {"Animator": "animation", "write_film": "reporting.films"}


def __getattr__(name: str) -> Any:
    """What people use from Python, imported when it is asked for: PyTorch takes its time."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
