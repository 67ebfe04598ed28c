"""Files that may be damaged or hostile: what a library raises of one becomes one clear error."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoredError(ValueError):
    """A stored file that cannot be read; names it."""


@contextmanager
def reading(path: Path, remedy: str, kind: type[ValueError] = StoredError) -> Iterator[None]:
    """While a file is read.

    Readers of foreign formats raise anything of a damaged file, up to `MemoryError`.

    Args:
        path: The file.
        remedy: What to do about it.
        kind: The error to raise instead; one that is such already only gets the file's
            name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be read, of this kind; names it.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except kind as error:
        raise error if str(path) in str(error) else kind(f"{path}: {error}") from error
    except Exception as error:
        said = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise kind(f"{path} is damaged ({said}); {remedy}") from error
