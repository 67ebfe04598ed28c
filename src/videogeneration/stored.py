"""Files: written whole or not at all, and read even if they are damaged or hostile."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StoredError(ValueError):
    """A stored file that cannot be read; names it."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """While a file or a folder is written, which appears when all of it is.

    Its temporary name follows from its own: what a process that was killed has left there is
    removed by the next one that writes it. One process at a time may write.

    Args:
        path: The file or folder; an earlier one is replaced at the end. Where an error comes up, it
            stays as it is.

    Yields:
        Where to write; nothing is there yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}-writing{path.suffix}")
    _remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():  # which takes no other one's place
            _remove(path)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
