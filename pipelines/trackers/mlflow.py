"""MLflow: one run for each of ours in an experiment of the recipe's name, and in it a nested run per candidate.

Where that is, MLFLOW_TRACKING_URI says, as for all of MLflow: a server, a database file, or what MLflow takes without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xpareto.pipelines.trackers._tracked import Tracked
from xpareto.pipelines.trackers._tracker import Tracker

_RUN, _CANDIDATE, _DEPLOY, _PARENT = (
    "xpareto.run", "xpareto.candidate", "xpareto.deploy", "mlflow.parentRunId",
)  # fmt: skip
_MOST_PARAMS, _MOST_METRICS = 100, 1000  # of one request
_CREDENTIALS = re.compile(r"(?<=:)//[^/@]*@")
_KEY, _LONGEST_KEY, _LONGEST_PARAM = re.compile(r"[^\w\-. :/]"), 250, 6000


class MLflow(Tracker):
    """An experiment for each recipe, a run for each run, a nested run for each candidate."""

    name = "mlflow"
    needs = "mlflow"

    def track(self, run: Tracked) -> str:
        """Write what is not there yet, or is there otherwise; runs are known by the tag xpareto.run."""
        from mlflow import MlflowClient

        client = MlflowClient()
        experiment = client.get_experiment_by_name(run.experiment)
        place = experiment.experiment_id if experiment else client.create_experiment(run.experiment)
        found = _written(client, place, run.name)
        tags = {_RUN: run.name, **({_DEPLOY: run.deploy[:_LONGEST_PARAM]} if run.deploy else {})}
        parent = found.get("") or client.create_run(place, run.milliseconds, tags, run.name)
        parent_id = parent.info.run_id
        _update(client, parent, tags, run.params, run.metrics, run.milliseconds)
        for candidate in run.candidates:
            own_tags = {_RUN: run.name, _CANDIDATE: candidate.name, _PARENT: parent_id}
            child = found.get(candidate.name) or client.create_run(
                place, run.milliseconds, own_tags, candidate.name
            )
            _update(client, child, own_tags, candidate.params, candidate.metrics, run.milliseconds)
            client.set_terminated(
                child.info.run_id, "FAILED" if candidate.failed else "FINISHED", run.milliseconds
            )
        client.log_artifacts(parent_id, str(run.report), "report")
        if run.recipe.is_file():
            client.log_artifact(parent_id, str(run.recipe))
        client.set_terminated(parent_id, "FINISHED", run.milliseconds)
        where = _CREDENTIALS.sub("//", client.tracking_uri)
        return f"MLflow: experiment {run.experiment}, run {run.name} ({parent_id}), at {where}"


def _written(client: Any, experiment: str, name: str) -> dict[str, Any]:
    """Return what is there of a run: by candidate its nested run, under "" the run itself."""
    found: dict[str, Any] = {}
    token = None
    while True:
        page = client.search_runs([experiment], f"tags.`{_RUN}` = '{name}'", page_token=token)
        found |= {one.data.tags.get(_CANDIDATE, ""): one for one in page}
        token = page.token
        if not token:
            return found


def _update(
    client: Any,
    written: Any,
    tags: Mapping[str, str],
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    milliseconds: int,
) -> None:
    """Log what is new, and metrics that changed: parameters never do, and an equal metric would stand twice."""
    from mlflow.entities import Metric, Param, RunTag

    run_id, there = written.info.run_id, written.data
    named = {key(name): text[:_LONGEST_PARAM] for name, text in params.items()}
    new_params = [Param(name, text) for name, text in named.items() if name not in there.params]
    measured = {key(name): value for name, value in metrics.items()}
    new_metrics = [
        Metric(name, value, milliseconds, 0)
        for name, value in measured.items()
        if there.metrics.get(name) != value
    ]
    new_tags = [RunTag(name, text) for name, text in tags.items() if there.tags.get(name) != text]
    for begin in range(0, len(new_params), _MOST_PARAMS):
        client.log_batch(run_id, params=new_params[begin : begin + _MOST_PARAMS])
    for begin in range(0, len(new_metrics), _MOST_METRICS - _MOST_PARAMS):
        client.log_batch(run_id, metrics=new_metrics[begin : begin + _MOST_METRICS - _MOST_PARAMS])
    if new_tags:
        client.log_batch(run_id, tags=new_tags)


def key(name: str) -> str:
    """Return a name as MLflow takes it: what it refuses in one becomes _.

    >>> key("tatoeba/accuracy/de"), key("my task/f1 @10%/zh")
    ('tatoeba/accuracy/de', 'my task/f1 _10_/zh')
    """
    return _KEY.sub("_", name)[:_LONGEST_KEY]


TRACKER = MLflow()
