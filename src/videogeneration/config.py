"""Reading the configuration, with errors that name the file."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from kedro.config import MissingConfigException, OmegaConfigLoader

from videogeneration.sources import SOURCES
from videogeneration.validated import SettingsError

MOST_BYTES, DEEPEST = 1_000_000, 50
"""Of a file of parameters, and how many mappings and lists may lie within each other."""


class ConfigLoader(OmegaConfigLoader):
    """Kedro's loader, which of some damaged files does not say which, and by others is ended."""

    def __getitem__(self, key: str) -> Any:
        """A configuration by its name: `parameters`, `catalog`, `mlflow`.

        Raises:
            SettingsError: A file is no YAML, or not in UTF-8; names it. Or a source has no
                parameters.
        """
        for pattern in self.config_patterns.get(key, []):
            for path in sorted(Path(self.conf_source).glob(f"*/{pattern}")):
                if path.is_file():
                    _check(path)
        try:
            read = super().__getitem__(key)
        except MissingConfigException:
            raise
        except (yaml.YAMLError, ValueError) as error:
            said = " ".join(str(error).split())
            raise SettingsError(f"{self.conf_source}: {key} cannot be read ({said})") from error
        missing = [source for source in SOURCES if source not in read]
        if key == "parameters" and missing:
            raise SettingsError(
                f"the source {missing[0]} has no parameters: write "
                f"{self.conf_source}/base/parameters_{missing[0]}.yml with a block '{missing[0]}:'"
            )
        return read


def _check(path: Path) -> None:
    """Refuse what the parser in C cannot read, or not without using up the stack."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        _check_text(path.read_text("utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())
        raise SettingsError(f"{path}: no YAML that can be read ({said})") from error


@lru_cache
def _check_text(text: str) -> None:
    """A text is read several times a run, and to parse it in Python takes a while."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        named = isinstance(event, yaml.MappingStartEvent) or not isinstance(event, yaml.NodeEvent)
        if not depth and not named:
            raise ValueError("no mapping of names to values")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"more than {DEEPEST} lists and mappings within each other")
