"""Runs that are killed anywhere end as others do when they are called again."""

import os
from collections import Counter
from pathlib import Path

import pytest

from kills import SMALL, Kills, ends, kedro_run, write_settings
from projects import new_project

COUNT = int(os.environ.get("KILLS", "50"))


@pytest.mark.kills
@pytest.mark.slow
def test_runs_that_are_killed_anywhere_end_as_others_do(tmp_path: Path) -> None:
    tried, survived, wrong = Counter[str](), Counter[str](), list[str]()
    for number, case in enumerate(Kills(tmp_path, seed=1).tries(COUNT), 1):
        tried[case.stage] += 1
        survived[case.stage] += not case.wrong
        wrong += [f"{case.what}: {line}" for line in case.wrong]
        print(
            f"{number} of {COUNT}: {case.what}: {'; '.join(case.wrong) or 'as others'}", flush=True
        )
    for stage, count in tried.items():
        print(f"{stage}: {survived[stage]} of {count} survived")
    assert not wrong


@pytest.mark.kills
@pytest.mark.slow
def test_the_same_settings_end_in_the_same_way(tmp_path: Path) -> None:
    """Clips, weights and scores, in two new projects: nothing depends on where or when."""
    found = []
    for name in ("one", "other"):
        project = new_project(tmp_path / name, bare=True)
        write_settings(project, SMALL)
        log = kedro_run(project, "icons_gan,icons_text_to_image")
        assert log.code == 0, log.text[-3000:]
        found.append(ends(project))
    assert len(found[0]) > 100
    assert found[0] == found[1]
