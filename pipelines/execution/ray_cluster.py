"""A Ray cluster: what its nodes have, and tasks that are sent to them and tell how far they are."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from xpareto.compress.core import InputError
from xpareto.eval.hardware import usable_cores
from xpareto.eval.probing import own_environment, threading_variables
from xpareto.pipelines.execution import ray_tasks
from xpareto.pipelines.execution.executor import StepError, WorkerDied
from xpareto.pipelines.execution.work import Progress

_RETRIES = 3  # of a task whose process or machine died, by Ray
_PATIENCE = 30.0  # seconds for news from the board, which may be on its way to another machine
_CONNECT = 10.0  # seconds for a first answer of a cluster
_SIZES = ("CPU", "GPU", "memory")
_KIND = ("cpu", "cores", "gpus")  # facts in which machines of one kind are equal


@dataclass(frozen=True)
class Labelled:
    """The nodes that carry a label, which are of one kind: what the whole of one is for Ray, and what it is."""

    wants: Mapping[str, Any]
    facts: Mapping[str, Any]


class RayCluster:
    """A connection to a cluster; one that was ended begins again with the next task.

    `most` is what the largest node has of each resource, `room` how many tasks of `threads` threads are at work
    together, `labelled` the nodes that carry a label. InputError where the address leads to no cluster, and as
    `labels` has it.
    """

    def __init__(self, address: str, threads: int, label: str | None = None) -> None:
        self.address, self._threads = address, threads
        self._lock = threading.Lock()
        self._session: _Session | None = None
        try:
            nodes = [resources for _, resources in self._nodes()]
            self.most = {name: max(node.get(name, 0.0) for node in nodes) for name in _SIZES}
            self.room = max(1, sum(int(node.get("CPU", 0.0) // self.cpus(threads)) for node in nodes))
            self.labelled = None if label is None else self.labels(label)
        except BaseException:
            self.end()  # a connection is the process' own: the next one must find none
            raise

    def cpus(self, threads: int) -> int:
        """Return the CPUs that a task of so many threads asks for: no more than the largest node has."""
        return max(1, min(threads, int(self.most["CPU"])))

    def call(
        self,
        function: Callable[..., Any],
        text: str,
        wants: Mapping[str, Any],
        progress: Progress,
        begins: Callable[[str], None],
    ) -> Any:
        """Run a task and return its result; WorkerDied when all of Ray's own attempts were lost."""
        from ray.exceptions import RayError, RayTaskError

        sent = _Sent(Future(), progress, begins)
        try:
            self._begun().send(sent, function, text, wants)
            return sent.answer.result()
        except RayTaskError as error:
            cause = error.cause
            raise cause if isinstance(cause, InputError) else StepError(f"{error}") from error
        except RayError as error:
            raise WorkerDied(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error

    def end(self) -> None:
        """Cancel what runs, and leave the cluster; who waits for a task has WorkerDied."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.end()

    def _begun(self) -> _Session:
        with self._lock:
            if self._session is None:
                self._session = _Session(self.address, self._threads)
            return self._session

    def labels(self, label: str) -> Labelled:
        """Return the nodes that carry a custom resource; InputError where none does, or where they differ."""
        session = self._begun()
        carriers = [(name, resources) for name, resources in self._nodes() if resources.get(label)]
        if not carriers:
            raise InputError(
                f"measure.on: expected a node of the Ray cluster with the resource {label}, found none among "
                f"{len(self._nodes())}. Start one with: ray start --address=... --resources='{{\"{label}\": 1}}'"
            )
        facts = session.facts([name for name, _ in carriers])
        return one_kind(label, [resources for _, resources in carriers], facts)

    def _nodes(self) -> list[tuple[str, Mapping[str, float]]]:
        """Return the id of each node of the cluster, and what it has of every resource."""
        return [(node["NodeID"], node["Resources"]) for node in self._begun().ray.nodes() if node["Alive"]]


@dataclass
class _Sent:
    """A task that was sent, who waits for it, and who is told of it."""

    answer: Future[Any]
    progress: Progress
    begins: Callable[[str], None]
    task: Any = None


class _Session:
    """From the connection to its end: the tasks that were sent, and a thread that hands on what they tell."""

    def __init__(self, address: str, threads: int) -> None:
        self.ray = _connect(address, threads)
        here = self._at(self.ray.get_runtime_context().get_node_id(), soft=True)
        # Beside this process, for where costs are measured there must be nothing of ours.
        board = self.ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)(ray_tasks.Board)
        self._board = board.remote()
        self._functions: dict[str, Any] = {}  # by name and by what they want: Ray takes each in once
        self._numbers = itertools.count()
        self._sent: dict[str, _Sent] = {}
        self._lock, self._over = threading.Lock(), threading.Event()
        self._listener = threading.Thread(target=self._listen, name="ray news", daemon=True)
        self._listener.start()

    def send(self, sent: _Sent, function: Callable[..., Any], text: str, wants: Mapping[str, Any]) -> None:
        """Give a task to Ray, which begins it as soon as there is room; `sent` has its result then."""
        with self._lock:
            if self._over.is_set():
                raise WorkerDied("it was not begun, since all was stopped")
            number = str(next(self._numbers))
            sent.task = self._remote(function, wants).remote(text, number, self._board)
            self._sent[number] = sent
            result = sent.task.future()
        result.add_done_callback(lambda ended: self._ended(number, ended))  # at once, where it has ended

    def facts(self, nodes: list[str]) -> list[dict[str, Any]]:
        """Return what the machine of each of some nodes is."""
        function = self.ray.remote(num_cpus=0)(ray_tasks.facts)
        return list(
            self.ray.get([function.options(scheduling_strategy=self._at(node)).remote() for node in nodes])
        )

    def end(self) -> None:
        with self._lock:
            self._over.set()
            left = list(self._sent.values())
            self._sent.clear()
        for sent in left:
            with suppress(InvalidStateError):
                sent.answer.set_exception(WorkerDied("it was stopped"))
            self.ray.cancel(sent.task, force=True)
        self._listener.join()
        self.ray.shutdown()

    def _remote(self, function: Callable[..., Any], wants: Mapping[str, Any]) -> Any:
        key = f"{function.__name__} {sorted(wants.items())}"
        if function.__name__ not in self._functions:
            self._functions[function.__name__] = self.ray.remote(max_retries=_RETRIES)(function)
        if key not in self._functions:
            self._functions[key] = self._functions[function.__name__].options(**wants)
        return self._functions[key]

    def _ended(self, number: str, ended: Future[Any]) -> None:
        """Hand on a result; called by a thread of Ray's, which others wait for."""
        with self._lock:
            sent = self._sent.pop(number, None)
        if sent is not None:
            error = ended.exception()
            with suppress(InvalidStateError):
                if error is None:
                    sent.answer.set_result(ended.result())
                else:
                    sent.answer.set_exception(error)

    def _listen(self) -> None:
        """Hand on what tasks write on the board, once a second while there are some."""
        from ray.exceptions import GetTimeoutError, RayError

        while not self._over.wait(ray_tasks.SECONDS_BETWEEN_NEWS):
            if not self._sent:
                continue
            try:
                told = self.ray.get(self._board.news.remote(), timeout=_PATIENCE)
            except (GetTimeoutError, RayError):  # its machine is lost: Ray starts another
                continue
            for number, news in told.items():
                with self._lock:
                    sent = self._sent.get(number)
                if sent is not None:
                    _hand_on(sent, news)

    @staticmethod
    def _at(node: str, soft: bool = False) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node, soft)


def _hand_on(sent: _Sent, news: Mapping[str, Any]) -> None:
    """Tell who waits for a task what is new of it; what they raise is raised where they wait."""
    try:
        if "where" in news:
            sent.begins(news["where"])
        if "progress" in news:
            sent.progress(*news["progress"])
    except Exception as error:
        with suppress(InvalidStateError):
            sent.answer.set_exception(error)


def one_kind(
    label: str, resources: Sequence[Mapping[str, float]], facts: Sequence[Mapping[str, Any]]
) -> Labelled:
    """Return the nodes that carry a label as one; InputError where they are not of one kind.

    >>> machine = {"cpu": "A", "cores": 8, "gpus": []}
    >>> one_kind("quiet", [{"CPU": 8.0, "quiet": 1.0}] * 2, [machine] * 2).wants
    {'num_cpus': 8.0, 'num_gpus': 0.0, 'resources': {'quiet': 1.0}}
    """
    kinds = {
        f"{node.get('CPU', 0.0):g} CPUs and {node.get('GPU', 0.0):g} GPUs for Ray, "
        f"{', '.join(f'{name} {one[name]}' for name in _KIND)}"
        for node, one in zip(resources, facts, strict=True)
    }
    if len(kinds) > 1:
        raise InputError(
            f"measure.on: expected nodes of one kind with the resource {label}, found {'; '.join(sorted(kinds))}. "
            "Costs of different machines cannot be compared: give it to machines of one kind."
        )
    first = resources[0]
    wants = {
        "num_cpus": first.get("CPU", 0.0),
        "num_gpus": first.get("GPU", 0.0),
        "resources": {label: min([1.0, *(node[label] for node in resources)])},
    }
    return Labelled(wants, facts[0])


def check_ray() -> None:
    """Refuse --ray where Ray is not installed, before anything is done."""
    _import_ray()


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            "--ray: Ray is not installed. Install it with: pip install 'xpareto[ray]'"
        ) from error
    return ray


def _connect(address: str, threads: int) -> Any:
    """Return Ray, connected; InputError where the address leads to no cluster."""
    if address.startswith("ray://"):  # its driver is no node, and is told nothing by actors bound to its own
        raise InputError(
            f"--ray {address}: expected auto, local or HOST:PORT of a cluster that this machine belongs to, found an "
            "address of Ray Client. Give the command to the cluster instead: ray job submit --address "
            "http://HOST:8265 -- xpareto run RECIPE --ray auto"
        )
    ray = _import_ray()
    why = _unreachable(address)
    if why is not None:  # Ray itself would try for minutes
        raise _no_cluster(address, why)
    ours = own_environment()
    variables = threading_variables(threads)
    variables |= {name: ours[name] for name in ("PYTHONPATH", "PYTHONSAFEPATH") if name in ours}
    variables |= {"OMP_WAIT_POLICY": "passive", "TOKENIZERS_PARALLELISM": "false"}
    own: dict[str, Any] = (
        {"num_cpus": usable_cores(), "include_dashboard": False} if address == "local" else {}
    )
    if own:  # Ray would let its workers make way for everything else on the machine
        os.environ.setdefault("RAY_worker_niceness", "0")
    try:
        ray.init(
            address=address,
            logging_level="ERROR",
            log_to_driver=False,
            runtime_env={"env_vars": variables},
            **own,
        )
    except Exception as error:  # Ray has a plain one for a node that does not start
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise _no_cluster(address, told[0].rstrip(".")) from error
    return ray


def _no_cluster(address: str, why: str) -> InputError:
    return InputError(
        f"--ray {address}: expected the address of a Ray cluster that runs ({why}). `ray start --head` starts one here "
        "(then --ray auto), and --ray local needs none."
    )


def _unreachable(address: str) -> str | None:
    """Return why nobody answers at host:port; None where somebody does, or for other addresses."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in host:
        return None
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT).close()
    except (OSError, OverflowError) as error:
        return f"nobody answers there: {getattr(error, 'strerror', None) or error}"
    return None
