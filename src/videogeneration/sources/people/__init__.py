"""Rendered walkers: articulated people written as KTH recordings, drawn from a seed.

`gait` moves a skeleton, `figure` gives it a build and clothes, `scene` draws it into a place,
`recordings` writes whole folders in the layout of the KTH data set.
"""

from videogeneration.sources.people.recordings import WalkerSettings, render_recordings

__all__ = ["WalkerSettings", "render_recordings"]
