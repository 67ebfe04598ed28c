"""Rendered people: articulated figures written as KTH recordings, drawn from a seed.

`gait` moves a skeleton, `figure` gives it a build and clothes, `scene` draws it into a place,
`labels` says what is known of a film, `recordings` draws single films and writes whole folders in
the layout of the KTH data set.
"""

from videogeneration.sources.people.labels import KEYPOINTS, PAIRS, Labels, read_labels
from videogeneration.sources.people.recordings import (
    PeopleSettings,
    draw_film,
    render_recordings,
)

__all__ = [
    "KEYPOINTS",
    "PAIRS",
    "Labels",
    "PeopleSettings",
    "draw_film",
    "read_labels",
    "render_recordings",
]
