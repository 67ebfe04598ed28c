"""Files: written whole or not at all, and read even if they are damaged or hostile."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = 1_000_000
"""A disk that has fewer bytes left: libraries say anything when they run out of room."""

REMEDIES = {
    errno.ENOSPC: "the disk is full: make room and run again",
    errno.EDQUOT: "there is no room left for this user: make room and run again",
    errno.EROFS: "it is on a disk that can only be read; use another folder",
    errno.EACCES: "this user may not write there; use another folder",
}


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

    Raises:
        OSError: It cannot be written; names it, and says why. Other errors are those of the writer.
    """
    temporary = path.with_name(f".{path.stem}-writing{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(temporary)
        yield temporary
        if temporary.is_dir():  # which takes no other one's place
            _remove(path)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if path.parent.exists() and shutil.disk_usage(path.parent).free < FULL:
            number = errno.ENOSPC
        if number not in REMEDIES:
            raise
        raise OSError(number, f"cannot be written; {REMEDIES[number]}", str(path)) from error
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
