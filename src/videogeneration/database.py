"""MLflow's database in a file of the project: made whole or not at all, and moved with it."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from filelock import FileLock

from videogeneration.stored import whole

logger = logging.getLogger(__name__)

SQLITE = "sqlite:///"

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Tables and columns in which MLflow's database says where artifacts are."""


class DatabaseError(ValueError):
    """A database that cannot be used; names it."""


def prepare(database: Path, experiment: str, artifacts: str) -> None:
    """Make MLflow's database where there is none, and tell it where artifacts are now.

    MLflow makes it in place, and of one that is half made says only that a column is there twice.

    Args:
        database: The file.
        experiment: Name of the experiment whose artifacts may have been moved.
        artifacts: Where artifacts are, a URI.

    Raises:
        DatabaseError: The file is no database, is locked, or cannot be written.
    """
    try:
        if not _has_tables(database):
            _make(database, artifacts)
        _relocate(database, experiment, artifacts)
    except (sqlite3.Error, OSError) as error:
        locked = "; another program works in it: wait for it, or end it"
        locked = locked if "locked" in str(error) else ""
        raise DatabaseError(
            f"{database}: MLflow's database cannot be used ({error}){locked}"
        ) from error


def _make(database: Path, artifacts: str) -> None:
    # takes a second, which only the first run in a project needs
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    # of two processes that begin at once the second waits for the first
    with FileLock(f"{database}.lock", fallback_to_soft=False):
        if _has_tables(database):
            return
        with whole(database) as path:
            store = SqlAlchemyStore(f"{SQLITE}{path}", artifacts)
            store.engine.dispose()


def _has_tables(database: Path) -> bool:
    """Whether MLflow has made all its tables: what it writes last is the first experiment."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(database)) as connection:
        try:
            return bool(connection.execute("SELECT 1 FROM experiments LIMIT 1").fetchone())
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return False


def _relocate(database: Path, experiment: str, artifacts: str) -> None:
    """Tell MLflow's database where artifacts are now, if it says that they are elsewhere."""
    with closing(sqlite3.connect(database)) as connection, connection:
        query = "SELECT artifact_location FROM experiments WHERE name = ?"
        (old,) = connection.execute(query, (experiment,)).fetchone() or (artifacts,)
        if old == artifacts:
            return
        logger.info("the project was moved: MLflow's artifacts are in %s", artifacts)
        for table, column in PLACES:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                f"WHERE {column} = ? OR {column} LIKE ?",
                (artifacts, len(old) + 1, old, f"{old}/%"),
            )
