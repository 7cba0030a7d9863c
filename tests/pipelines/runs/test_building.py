"""What a failing node takes with it, and how often it is done: with an executor that only pretends to work."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from xpareto.compress.core.artifact import Manifest
from xpareto.compress.core.errors import InputError
from xpareto.pipelines import plan
from xpareto.pipelines.execution.executor import StepError, WorkerDied
from xpareto.pipelines.execution.work import Job, Progress
from xpareto.pipelines.planning import Prepared
from xpareto.pipelines.runs.agenda import Agenda, Console
from xpareto.pipelines.runs.building import ArtifactBuilder, Use
from xpareto.pipelines.storage import RunFolder

RECIPE = {
    "xpareto": 1, "name": "built", "base": "embedded", "data": "embedded", "tasks": ["udpos", "xnli"],
    "languages": ["en"], "runtimes": ["onnxruntime"], "measure": {"limit": 4, "threads": 1},
    "steps": [
        {"step": "train", "label": "fp32", "on": "each", "steps": 2},
        {"step": "export_onnx", "label": "onnx"}, {"step": "quantize_dynamic", "label": "int8"},
    ],
}  # fmt: skip

SECONDS = 1000.0  # that each manifest claims


class Pretended:
    """Puts an empty artifact where a node's would be, equal ones for all; raises what it is told, each once."""

    at_once, ahead = 2, 2

    def __init__(self, ready: Prepared, errors: Mapping[str, Sequence[Exception]]) -> None:
        self._ready, self._errors = ready, {key: list(some) for key, some in errors.items()}
        self.done: Counter[str] = Counter()
        self.most = self._now = 0
        self._lock = threading.Lock()

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None]) -> str:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            self.done[work.node.key] += 1
            errors = self._errors.get(work.node.key)
            if errors:
                raise errors.pop(0)
            given = [key for key in (work.node.parent, work.node.teacher) if key is not None]
            store = self._ready.store
            parents = {key: digest for key in given if (digest := store.digest_of(key)) is not None}
            made = Manifest(
                {}, "torch", "encoder", key=work.node.key, parents=tuple(parents.values()), seconds=SECONDS
            )
            return store.put(work.node.key, parents, lambda target: made).digest
        finally:
            with self._lock:
                self._now -= 1

    def fits(self, expected_bytes: Sequence[int]) -> bool:
        return True

    def close(self) -> None:
        return None


@pytest.fixture
def ready(tmp_path: Path) -> Prepared:
    return plan(RECIPE, store=tmp_path / "store")


def key_of(ready: Prepared, label: str, training_set: str) -> str:
    """Return the node of a label on the way of a training set."""
    ends = [one.artifacts[training_set] for one in ready.plan.candidates if training_set in one.artifacts]
    return next(node.key for end in ends for node in ready.plan.ancestors(end) if node.label == label)


def builder(ready: Prepared, tmp_path: Path, executor: Pretended) -> ArtifactBuilder:
    folder = tmp_path / "run"
    folder.mkdir()
    return ArtifactBuilder(ready, RunFolder(folder), executor, 1, Agenda(Console(), {}))  # type: ignore[arg-type]


def test_wrong_input_is_tried_once_and_told_once(ready: Prepared, tmp_path: Path) -> None:
    bad = key_of(ready, "fp32", "udpos")
    executor = Pretended(ready, {bad: [InputError("udpos is damaged")]})
    with pytest.raises(InputError, match="udpos is damaged"):
        builder(ready, tmp_path, executor).build(ready.plan.nodes)
    assert executor.done[bad] == 1 and set(executor.done.values()) == {1}


def test_what_fails_takes_its_descendants_along_and_nothing_else(ready: Prepared, tmp_path: Path) -> None:
    bad = key_of(ready, "fp32", "udpos")
    executor = Pretended(ready, {bad: [StepError("no")]})
    made = builder(ready, tmp_path, executor)
    made.build(ready.plan.nodes)
    descendants = {key for key in ready.plan.nodes if bad in {one.key for one in ready.plan.ancestors(key)}}
    assert set(made.failed) == descendants and len(descendants) == 3
    assert set(made.verified) == set(ready.plan.nodes) - descendants
    assert executor.most <= 4 and set(executor.done.values()) == {1}


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_worker_that_died_has_its_work_done_once_more(ready: Prepared, tmp_path: Path, deaths: int) -> None:
    lost = key_of(ready, "onnx", "mnli")
    executor = Pretended(ready, {lost: [WorkerDied("gone")] * deaths})
    made = builder(ready, tmp_path, executor)
    made.build(ready.plan.nodes)
    assert executor.done[lost] == 2 and (lost in made.failed) == (deaths == 2)


def test_what_equals_an_artifact_of_before_took_its_own_time(ready: Prepared, tmp_path: Path) -> None:
    made = builder(ready, tmp_path, Pretended(ready, {}))
    made.build(ready.plan.nodes)
    events = [json.loads(line) for line in (tmp_path / "run" / "events.jsonl").read_text().splitlines()]
    taken = {event["key"]: event["seconds"] for event in events if event["event"] == "made"}
    assert set(taken) == set(ready.plan.nodes) and len({one.digest for one in made.verified.values()}) == 1
    sealed = next(iter(made.verified.values())).manifest.key  # the first: the others came to the same
    assert taken.pop(sealed) == SECONDS and max(taken.values()) < SECONDS


class Waiting(Pretended):
    """Does not get done with one node before something else is."""

    def __init__(self, ready: Prepared, key: str, until: threading.Event) -> None:
        super().__init__(ready, {})
        self._key, self._until = key, until

    def do(self, work: Job, progress: Progress, begins: Callable[[str], None]) -> str:
        if work.node.key == self._key:
            assert self._until.wait(60)
        return super().do(work, progress, begins)


def test_what_is_made_is_used_while_other_things_are_made(ready: Prepared, tmp_path: Path) -> None:
    early, late = key_of(ready, "int8", "udpos"), key_of(ready, "onnx", "mnli")
    used = threading.Event()
    made = builder(ready, tmp_path, Waiting(ready, late, used))
    made.build(ready.plan.nodes, {"score": Use([early], used.set)})
    assert set(made.verified) == set(ready.plan.nodes)


def test_a_use_of_what_failed_is_told_so(ready: Prepared, tmp_path: Path) -> None:
    bad = key_of(ready, "int8", "udpos")
    made = builder(ready, tmp_path, Pretended(ready, {bad: [StepError("no")]}))
    found: list[bool] = []
    made.build(ready.plan.nodes, {"score": Use([bad], lambda: found.append(bad in made.failed))})
    assert found == [True]


def test_making_goes_before_what_is_made_of_it(ready: Prepared, tmp_path: Path) -> None:
    base = next(iter(ready.plan.nodes))
    executor, order = Pretended(ready, {}), list[str]()
    executor.at_once, executor.ahead = 2, 0
    made = builder(ready, tmp_path, executor)
    made.build([base])
    ends = [node.key for node in ready.plan.nodes.values() if node.label == "fp32"]
    uses = {str(number): Use([base], lambda: order.append("use")) for number in range(4)}
    do = executor.do

    def noted(work: Job, progress: Progress, begins: Callable[[str], None]) -> str:
        order.append("make")
        return do(work, progress, begins)

    executor.do = noted  # type: ignore[method-assign]
    made.build(ends, uses)
    assert order[:2] == ["make", "make"] and order.count("use") == 4
