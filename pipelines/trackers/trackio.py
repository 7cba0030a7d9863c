"""trackio: a project for each recipe; a run for each candidate, those of one of our runs in one group.

Where that is, trackio's own variables say: TRACKIO_DIR, TRACKIO_SPACE_ID, TRACKIO_SERVER_URL.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from io import StringIO
from typing import Any

from xpareto.pipelines.trackers._tracked import Tracked
from xpareto.pipelines.trackers._tracker import Tracker


class Trackio(Tracker):
    """A project for each recipe, a group for each run, in it a run for each candidate and one with the report."""

    name = "trackio"
    needs = "trackio"

    def track(self, run: Tracked) -> str:
        """Write every run anew; one of the name that is there before is deleted, in a Space or server it goes on."""
        import trackio

        with redirect_stdout(StringIO()):  # it tells how to open its dashboard, once for each run
            for candidate in run.candidates:
                _begin(run, f"{run.name}/{candidate.name}", candidate.params)
                trackio.log(dict(candidate.metrics), step=0)
                trackio.finish()
            _begin(run, run.name, {**run.params, "deploy": run.deploy})
            trackio.log(dict(run.metrics), step=0)
            files = trackio.Artifact(f"{run.name}-report", type="report")
            files.add_dir(str(run.report), name="report")
            if run.recipe.is_file():
                files.add_file(str(run.recipe))
            trackio.log_artifact(files, overwrite=True)
            trackio.finish()
        if not _elsewhere():
            kept = {one.name for one in _kept(run.experiment)}
            lacking = {run.name, *(f"{run.name}/{one.name}" for one in run.candidates)} - kept
            if lacking:  # its failures to write are warnings
                raise OSError(f"trackio kept no run {min(lacking)}")
        return f"trackio: project {run.experiment}, group {run.name}. See: trackio show --project {run.experiment}"


def _begin(run: Tracked, name: str, config: Mapping[str, str]) -> None:
    import trackio

    if not _elsewhere():
        for earlier in _kept(run.experiment):
            if earlier.name == name:
                earlier.delete()
    trackio.init(
        project=run.experiment,
        name=name,
        group=run.name,
        config=dict(config),
        resume="allow",
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )


def _kept(project: str) -> list[Any]:
    """Return the runs of a project on this machine, none where there is no such project yet."""
    import trackio

    with suppress(ValueError):
        return list(trackio.Api().runs(project))
    return []


def _elsewhere() -> bool:
    return not os.environ.keys().isdisjoint(("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"))


TRACKER = Trackio()
