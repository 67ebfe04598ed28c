"""Where clips come from. A source that is named here has pipelines, films, scores and a judge."""

from videogeneration.sources import digits, icons, kth
from videogeneration.sources.source import Source

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        kth.SOURCE,  # the first one is what `kedro run` takes
        icons.SOURCE,
        digits.SOURCE,
    )
}

__all__ = ["SOURCES", "Source"]
