"""What a user's mistake is: an error that was raised to be read, as against a bug."""

import linecache
import re

OURS = ("videogeneration", "kedro")
SETTINGS = re.compile(r"Parameter '([\w.]+)': Failed to instantiate \w+ for parameter '\1': ")
"""What Kedro says in front of a wrong setting."""


def mistake(error: BaseException) -> str | None:
    """What a user's mistake says, in one line; None for a bug, which needs its traceback.

    A mistake is a ValueError, a missing name or an error of Kedro's that a `raise` of this package
    or of Kedro's has raised, and what the operating system says of a file. The same error out of a
    library, or out of an expression that raises nothing by itself, is a bug.
    """
    cause = error.__cause__
    if type(error).__name__ == "DatasetError" and cause is not None:
        # Kedro says so of whatever happens while a dataset is read or written
        return mistake(cause)
    of_kedro = type(error).__module__.startswith("kedro")
    of_system = isinstance(error, OSError) and error.errno is not None
    readable = of_kedro or isinstance(error, ValueError | LookupError | OSError)
    if of_system or (readable and _raised_by_us(error)):
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
        said = " ".join(str(text).split()).removeprefix("Parameter validation failed: - ")
        return SETTINGS.sub(r"\1.", said)
    return None


def _raised_by_us(error: BaseException) -> bool:
    """Whether a `raise` statement of this package or of Kedro's has raised an error."""
    place = error.__traceback__
    if place is None:
        return False
    while place.tb_next is not None:
        place = place.tb_next
    package = str(place.tb_frame.f_globals.get("__name__")).partition(".")[0]
    line = linecache.getline(place.tb_frame.f_code.co_filename, place.tb_lineno)
    return package in OURS and line.lstrip().startswith("raise ")
