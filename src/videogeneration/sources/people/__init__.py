"""Rendered people: articulated figures written as KTH recordings, drawn from a seed.

`acts` knows what people can do, `plans` who does what and when, `figure` gives them a build and
clothes, `scene` draws them into a place, `films` draws single films, `recordings` writes whole
folders in the layout of the KTH data set, `labels` says what is known of a film.
"""

from videogeneration.sources.people.films import Poses, draw_film, draw_poses
from videogeneration.sources.people.labels import Labels, read_labels
from videogeneration.sources.people.recordings import PeopleSettings, render_recordings

__all__ = [
    "Labels",
    "PeopleSettings",
    "Poses",
    "draw_film",
    "draw_poses",
    "read_labels",
    "render_recordings",
]
