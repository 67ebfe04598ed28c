"""MLflow's database: made whole, made again where it is half made, refused in words."""

import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from projects import empty_database
from videogeneration.database import DatabaseError, prepare


def made(folder: Path) -> Path:
    database = folder / "mlflow.db"
    prepare(database, "videogeneration", (folder / "mlartifacts").as_uri())
    return database


def test_it_is_made_and_kept(tmp_path: Path) -> None:
    database = made(tmp_path)
    client = mlflow.MlflowClient(f"sqlite:///{database}")
    experiment = client.create_experiment("videogeneration", f"file://{tmp_path}/elsewhere")
    made(tmp_path)
    location = client.get_experiment(experiment).artifact_location
    assert location == (tmp_path / "mlartifacts").as_uri()
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


@pytest.mark.parametrize("half", ["", "CREATE TABLE runs (a)", "CREATE TABLE experiments (a)"])
def test_one_that_is_half_made_is_made_again(tmp_path: Path, half: str) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute(half)
        connection.commit()
    client = mlflow.MlflowClient(f"sqlite:///{made(tmp_path)}")
    assert [x.name for x in client.search_experiments()] == ["Default"]


def test_one_that_is_locked_or_none_is_refused_in_words(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(empty_database())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError, match=r"mlflow\.db.*locked.*wait for it"):
            made(tmp_path)
    database.write_text("no database, but a text that is longer than a header")
    with pytest.raises(DatabaseError, match=r"mlflow\.db: MLflow's database cannot be used"):
        made(tmp_path)
