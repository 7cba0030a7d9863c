"""Which probes go into which process, and which can be named, from what each probe declares.

Functions, not constants: asking loads every probe, which only those who measure or list need to do.
"""

from __future__ import annotations

from xpareto.eval.probing import PROBES, Taken
from xpareto.eval.results import CONTROL, COST

BY_SUBMIT = "measures nothing; it writes files. Use: xpareto submit"


def groups() -> dict[str, tuple[str, ...]]:
    """Return the probes of every group, in the order in which groups, and probes of one process, are run.

    Each probe whose rows are remembered is a group of its own; the costs of a candidate are one, and what
    the baseline's A/A control is measured with is another.
    """
    return {
        **{name: (name,) for name in taken("remembered")},
        COST: taken("once", "in blocks", "with twin"),
        CONTROL: taken("with twin"),
    }


def taken(*ways: Taken) -> tuple[str, ...]:
    """Return the probes that are taken in one of these ways, in the order of one process."""
    probes = [probe for probe in PROBES.all().values() if probe.taken in ways]
    return tuple(
        probe.name for probe in sorted(probes, key=lambda probe: (not probe.first, probe.place, probe.name))
    )


def nameable() -> tuple[str, ...]:
    """Return the probes that a recipe can name, group by group."""
    return taken("remembered") + taken("once", "in blocks", "with twin")


def by_default() -> list[str]:
    """Return the probes of a recipe that names none."""
    return [name for name in nameable() if PROBES.load(name).default]
