"""What it took to make each candidate, step by step, with shared work counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import load_json, parse_json, read_file
from xpareto.eval.results.document import Provenance

MODELLED, WHOLE_SOCKET = "modelled", "modelled as whole socket"
_WHOLE_SOCKET_WORDS = "share of all cores x time"  # in the instruments of the model up to 0.2


def basis_of(basis: str, instrument: str) -> str:
    """Return the basis of joules, with the model of earlier versions told apart by what they wrote of it.

    That model gave an unknown CPU 85 W whatever its size, about ten times what codecarbon's process mode does,
    so that its joules compare with no others.

    >>> basis_of("modelled", "codecarbon 3.3.2, cpu = TDP 85 W x process share of all cores x time")
    'modelled as whole socket'
    """
    return WHOLE_SOCKET if basis == MODELLED and _WHOLE_SOCKET_WORDS in instrument else basis


def with_basis(noun: str, basis: str) -> str:
    """Return what a figure is, in words, with what it rests on.

    >>> with_basis("energy", "measured"), with_basis("energy", WHOLE_SOCKET), with_basis("latency", "")
    ('measured energy', 'modelled energy as whole socket', 'latency')
    """
    word, _, rest = basis.partition(" ")
    return " ".join(part for part in (word, noun, rest) if part)


def made_of_old_run(folder: Path) -> dict[str, Provenance]:
    """Return the work by its key of a run that did not write it down.

    Such runs have the chain in plan.json, and the seconds of what they made themselves in events.jsonl;
    what they found in the store has none. Nothing where these cannot be read: a report can do without.
    """
    try:
        nodes = load_json(folder / "plan.json")["nodes"]
        events = [
            parse_json(line)
            for line in read_file(folder / "events.jsonl").decode("utf-8").splitlines()
            if '"made"' in line
        ]
        seconds = {event["key"]: float(event["seconds"]) for event in events if event["event"] == "made"}
        made = {
            str(key): Provenance(str(node["step"]), str(node["label"]), node["parent"], seconds.get(key))
            for key, node in nodes.items()
        }
        return made if all(isinstance(work.parent, str | None) for work in made.values()) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def line(key: str, made: Mapping[str, Provenance]) -> list[str]:
    """Return the keys of all work that leads to a key, nearest first.

    >>> line("b", {"a": Provenance("base", "base", None, 1.0), "b": Provenance("train", "fp32", "a", 9.0)})
    ['b', 'a']
    """
    keys: list[str] = []
    at: str | None = key
    while at is not None and at in made and at not in keys:
        keys.append(at)
        at = made[at].parent
    return keys


@dataclass(frozen=True)
class Effort:
    """The work behind one candidate.

    `steps` holds the seconds by step, first to last, over all its training sets; `own` and
    `own_energy_j` are the part that no other candidate rests on; `unknown` counts pieces of work
    without a time. Processor time and energy are None where one piece of work has none; energy also where
    pieces rest on different bases, which are not added. `basis` and `own_basis` are those of the energies.
    """

    candidate: str
    steps: Mapping[str, float]
    own: float
    cpu_seconds: float | None
    unknown: int
    energy_j: float | None
    own_energy_j: float | None
    basis: str = ""
    own_basis: str = ""

    @property
    def seconds(self) -> float:
        """Return the seconds of all its work, shared or not."""
        return sum(self.steps.values())


@dataclass(frozen=True)
class Efforts:
    """The work behind every candidate; `once` is that of the whole run, each piece counted once.

    `bases` holds the bases of the energies, and `instruments` what they rest on.
    """

    candidates: tuple[Effort, ...]
    once: float
    unknown: int
    energy_j: float | None
    bases: tuple[str, ...]
    instruments: tuple[str, ...]


def efforts(keys: Mapping[str, Sequence[str]], made: Mapping[str, Provenance]) -> Efforts:
    """Return the effort of each candidate from the keys of its artifacts.

    >>> made = {"a": Provenance("train", "fp32", None, 10.0), "b": Provenance("quantize", "int8", "a", 1.0)}
    >>> spent = efforts({"fp32": ["a"], "int8": ["b"]}, made)
    >>> [(one.seconds, one.own) for one in spent.candidates], spent.once
    ([(10.0, 0), (11.0, 1.0)], 11.0)
    """
    lines = {
        name: list(dict.fromkeys(piece for key in ends for piece in reversed(line(key, made))))
        for name, ends in keys.items()
    }
    users = Counter(piece for work in lines.values() for piece in work)
    candidate_efforts = []
    for name, work in lines.items():
        steps: dict[str, float] = {}
        for piece in work:
            steps[made[piece].step] = steps.get(made[piece].step, 0.0) + (made[piece].seconds or 0.0)
        alone = [piece for piece in work if users[piece] == 1]
        joules, basis = _energy([made[piece] for piece in work]) if work else (None, "")
        own_joules, own_basis = _energy([made[piece] for piece in alone]) if work else (None, "")
        candidate_efforts.append(
            Effort(
                name,
                steps,
                sum(made[piece].seconds or 0.0 for piece in alone),
                _sum(made[piece].cpu_seconds for piece in work) if work else None,
                sum(made[piece].seconds is None for piece in work),
                joules,
                own_joules,
                basis,
                own_basis,
            )
        )
    metered = [made[piece] for piece in users if made[piece].energy_j is not None]
    return Efforts(
        tuple(candidate_efforts),
        sum(made[piece].seconds or 0.0 for piece in users),
        sum(made[piece].seconds is None for piece in users),
        _energy([made[piece] for piece in users])[0] if users else None,
        tuple(sorted({basis_of(own.basis, own.instrument) for own in metered})),
        tuple(sorted({provenance.instrument for provenance in metered})),
    )


def _energy(pieces: Sequence[Provenance]) -> tuple[float | None, str]:
    """Return the joules of pieces of work, and their basis; (None, "") where they have not all one basis."""
    bases = {basis_of(piece.basis, piece.instrument) for piece in pieces}
    joules = _sum(piece.energy_j for piece in pieces)
    if joules is None or len(bases) > 1:
        return None, ""
    return joules, next(iter(bases), "")


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum; None where one of them is."""
    whole = 0.0
    for value in values:
        if value is None:
            return None
        whole += value
    return whole
