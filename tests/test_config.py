"""Files of parameters that cannot be read are named."""

from pathlib import Path

import pytest

from videogeneration.config import ConfigLoader
from videogeneration.validated import SettingsError


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("# für wen\n".encode("latin-1"), "can't decode"),
        (b"kth: {", "parsing a flow"),
        (b"kth: \0", "unacceptable character"),
        (b"- kth\n", "no mapping"),
        (b"kth: " + b"[" * 100_000, "within each other"),
        (b"# " + b"-" * 2_000_000, "more than 1,000,000 bytes"),
    ],
)
def test_a_file_that_is_no_yaml_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    for folder in ("base", "local"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "base" / "parameters_kth.yml"
    loader = ConfigLoader(str(tmp_path), base_env="base", default_run_env="local")
    (tmp_path / "base" / "parameters.yml").write_text("icons: {}\nmnist: {}")
    path.write_bytes(b"kth: {actions: [boxing]}")
    assert loader["parameters"]["kth"] == {"actions": ["boxing"]}
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"parameters_kth\.yml: no YAML.*{problem}"):
        loader["parameters"]


def test_a_source_without_parameters_is_named(tmp_path: Path) -> None:
    for folder in ("base", "local"):
        (tmp_path / folder).mkdir()
    (tmp_path / "base" / "parameters.yml").write_text("icons: {}\nkth: {}")
    loader = ConfigLoader(str(tmp_path), base_env="base", default_run_env="local")
    with pytest.raises(SettingsError, match=r"mnist has no parameters.*parameters_mnist\.yml"):
        loader["parameters"]
