"""Expand a checked recipe into a keyed graph; keys are computed before anything runs.

The graph is a trie: equal prefixes have equal keys, so shared work is planned, and done, once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xpareto.compress.architectures import Architecture, unmet
from xpareto.compress.core import (
    ChainState,
    DataNeed,
    Head,
    IncompatibleStep,
    InputError,
    Rule,
    Step,
    broken_at_end,
    broken_here,
    parse_source,
    title,
)
from xpareto.eval.runtimes import RUNTIMES
from xpareto.eval.tasks import ENCODER, HEAD_OF_KIND, TRAINING_SETS
from xpareto.pipelines.planning.base_checkpoint import Base
from xpareto.pipelines.planning.graph import Candidate, Node, Plan, used_nodes
from xpareto.pipelines.planning.inputs import Start
from xpareto.pipelines.planning.kept_heads import kept_heads, trains_heads
from xpareto.pipelines.planning.keys import canonical, key_of, version_of
from xpareto.pipelines.planning.no_candidate import why_format_lacks, why_no_candidate
from xpareto.pipelines.recipe import Checked, Recipe, Setting

_BASE = "base"  # what the checkpoint that a chain begins with is called, as its step and as its stage
KEY_SCHEMA = 1  # raise it when the meaning of a key's parts changes


@dataclass(frozen=True)
class _State:
    """Where one expansion of the chain stands.

    `ends` maps "" or each training set to a node key, `lines` to the steps that led there: those that
    change no model of a training set are none of its line. `earlier` holds what both `chain_state` and `ends`
    were after each step before, by label.
    """

    chain_state: ChainState
    ends: Mapping[str, str]
    lines: Mapping[str, tuple[Setting, ...]]
    settings: tuple[tuple[str, Any], ...] = ()
    steps: tuple[Setting, ...] = ()
    earlier: Mapping[str, tuple[ChainState, Mapping[str, str]]] = field(default_factory=dict)
    left_out: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class _Described:
    """What a step adds to a key, worked out once however many parents it is put on."""

    step: Step
    fields: Mapping[str, Any]
    data: Mapping[str, str]
    versions: Mapping[str, str]
    text: str


@dataclass
class _Growing:
    recipe: Recipe
    start: Start
    heads: Mapping[str, Head]
    sets: Sequence[str]
    nodes: dict[str, Node] = field(default_factory=dict)
    described: dict[int, _Described] = field(default_factory=dict)  # by id; the value keeps the step alive

    @property
    def architectures(self) -> tuple[Architecture, ...]:
        """Return those of the base's checkpoints that are known before any work."""
        parts = self.start.base.checkpoints if self.start.base is not None else ()
        return tuple(part.architecture for part in parts if part.architecture is not None)

    def add(
        self, setting: Setting, step: Step, parent: str | None, seed: int, teacher: str | None = None
    ) -> str:
        """Return the key of a step on a parent, and a teacher, adding its node once."""
        description = self.described.get(id(step)) or self._describe(setting.name, step)
        seeded = seed if step.seeded else None
        key = key_of(description.text, parent, seeded, teacher)
        if key not in self.nodes:
            self.nodes[key] = Node(
                key, setting.name, setting.label, step.version, description.fields, parent, seeded, description.data,
                description.versions, setting.where, teacher,
            )  # fmt: skip
        return key

    def take(self, base: Base, fields: Mapping[str, Any]) -> str:
        """Return the key of a checkpoint that is taken into the store, adding its node once."""
        key = key_of(canonical([KEY_SCHEMA, _BASE, 1, fields]), None, None)
        if key not in self.nodes:
            self.nodes[key] = Node(key, _BASE, _BASE, 1, fields, None, None, {}, {}, base.where)
        return key

    def _describe(self, name: str, step: Step) -> _Described:
        needs: Sequence[DataNeed] = step.reads()
        known = ((need, self.start.fingerprint(need)) for need in needs)
        data = {f"{need.kind}:{need.name}": fingerprint for need, fingerprint in known if fingerprint}
        versions = {library: version_of(library) for library in step.libraries}
        fields = step.as_json()
        text = canonical([KEY_SCHEMA, name, step.version, fields, data, versions])
        return self.described.setdefault(id(step), _Described(step, fields, data, versions, text))


def make_plan(checked: Checked, start: Start) -> Plan:
    """Return the plan of a recipe; InputError says where a chain does not fit.

    The whole chain is type-checked here (takes and gives, heads, formats), before any weight is read.
    """
    recipe = checked.recipe
    sets = list(dict.fromkeys(choice.training_set for choice in recipe.choices()))
    heads: dict[str, Head] = {name: TRAINING_SETS.load(name).head for name in TRAINING_SETS.names}
    own = {choice.task: HEAD_OF_KIND[choice.kind] for choice in recipe.own() if choice.kind is not None}
    growing = _Growing(recipe, start, heads | own | {ENCODER: "encoder"}, sets)
    formats = {name: RUNTIMES.load(name).format for name in recipe.runtimes}
    many_seeds = len(recipe.seeds) > 1
    by_identity: dict[tuple[Any, ...], Candidate] = {}
    names: dict[str, tuple[Any, ...]] = {}
    for arm, positions in checked.chains.items():
        for seed in recipe.seeds:
            for state, label, where in _grow(growing, positions, seed):
                for runtime in recipe.runtimes:
                    if formats[runtime] != state.chain_state.format:
                        continue
                    name = _candidate_name(arm, state, label, seed if many_seeds else None, runtime)
                    identity = (tuple(sorted(state.ends.items())), runtime)
                    if identity in by_identity:
                        continue  # another arm or sweep value leads to the very same artifacts
                    if names.setdefault(name, identity) != identity:
                        raise InputError(
                            f"{where}: two candidates are called {name}. Give their steps labels."
                        )
                    by_identity[identity] = Candidate(
                        name, arm, label, runtime, seed, dict(state.settings), state.steps, state.ends
                    )
    candidates = tuple(by_identity.values())
    if not candidates:
        dropped = [start.base.dropped] if start.base and start.base.dropped else []
        raise InputError(" ".join((why_no_candidate(checked, sets, formats), *dropped)))
    content = json.dumps(
        [KEY_SCHEMA, checked.source, [(c.name, sorted(c.artifacts.items())) for c in candidates]],
        ensure_ascii=False,
    )
    key = hashlib.sha256(content.encode()).hexdigest()
    nodes = used_nodes(growing.nodes, candidates)
    labels = {node.label for node in nodes.values()}
    unused = dict.fromkeys(node.label for node in growing.nodes.values() if node.label not in labels)
    return Plan(key, nodes, candidates, candidates[0].name, tuple(unused))


def _grow(
    growing: _Growing, positions: Sequence[Sequence[Setting]], seed: int
) -> Iterator[tuple[_State, str, str]]:
    """Yield (state, label and place of the last step) wherever the chain stands on a candidate, depth first."""
    start_flow, ends = _begin(growing, positions)
    earlier = {"base": (start_flow, ends)} if ends else {}
    first = _State(start_flow, ends, dict.fromkeys(ends or [""], ()), earlier=earlier)
    if start_flow.forked and growing.start.base is not None:
        yield first, _BASE, growing.start.base.where
    stack = [(0, first)]
    while stack:
        depth, state = stack.pop()
        if depth == len(positions):
            _check_end(state)
            continue
        after: list[tuple[int, _State]] = []
        for setting in positions[depth]:
            grown = _extend(growing, state, setting, seed)
            if setting.enabled and grown.chain_state.forked and setting.candidate is not False:
                yield grown, setting.label, setting.where
            after.append((depth + 1, grown))
        stack += reversed(after)


def _begin(growing: _Growing, positions: Sequence[Sequence[Setting]]) -> tuple[ChainState, Mapping[str, str]]:
    """Return what a chain begins with: the base's body, or, where no step trains, the heads that it has."""
    base = growing.start.base
    if base is None:
        return ChainState(), {}
    wanted = {name: growing.heads[parse_source(name).name] for name in growing.sets}
    kept = kept_heads(growing.recipe, growing.start, base, wanted, trains_heads(positions))
    if not kept:
        return ChainState("torch", base.head), {"": growing.take(base, {"source": base.identity})}
    ends = {
        name: growing.take(
            one.base,
            {
                "source": one.base.identity,
                "training_set": name,
                "head": one.head,
                "labels": list(one.labels),
            },
        )
        for name, one in kept.items()
    }
    return ChainState("torch", forked=True), ends


def _extend(growing: _Growing, state: _State, setting: Setting, seed: int) -> _State:
    chosen = state.settings + setting.chosen
    if not setting.enabled:
        # as a teacher it is what it would have been given: of a fine-tuned base that is what `train` stands for
        earlier = dict(state.earlier) | {setting.label: (state.chain_state, state.ends)}
        return replace(state, settings=chosen, left_out=(*state.left_out, setting), earlier=earlier)
    if state.chain_state.format is None and setting.name != "pretrain":
        raise InputError(
            f"{setting.where}: the chain has nothing to start from. Give the recipe a `base`, use --base, "
            "or put the step pretrain first."
        )
    acting = [name for name in state.lines if not state.chain_state.forked or setting.step.acts_on(name)]
    chain_state = _follow(growing, state, setting, acting)
    branches = setting.step.branches(growing.sets)
    if branches is None:
        if not acting:
            raise InputError(
                f"{setting.where}: {setting.name} changes no model: this recipe's tasks need "
                f"{', '.join(state.lines)}. Name one of these, or leave the step out."
            )
        ends = dict(state.ends)
        for name in acting:
            step = _within(growing, state, setting, name) if state.chain_state.forked else setting.step
            teacher = _teacher(state, step, name)
            ends[name] = growing.add(setting, step, state.ends.get(name), seed, teacher)
        lines = dict(state.lines) | {name: (*state.lines[name], setting) for name in acting}
    else:
        if state.chain_state.forked:
            raise InputError(
                f"{setting.where}: the chain already forks into one model per training set above. "
                "Name one training set, or leave the step out."
            )
        parent = state.ends.get("")
        ends = {name: growing.add(setting, step, parent, seed) for name, step in branches.items()}
        lines = dict.fromkeys(branches, (*state.lines[""], setting))
        chain_state = chain_state.having(forked=True)
    earlier = dict(state.earlier) | {setting.label: (chain_state, ends)}
    return _State(chain_state, ends, lines, chosen, (*state.steps, setting), earlier, state.left_out)


def _within(growing: _Growing, state: _State, setting: Setting, training_set: str) -> Step:
    try:
        return setting.step.within(training_set, growing.heads[parse_source(training_set).name])
    except IncompatibleStep as error:
        line = state.lines[training_set]
        before = line[-1].name if line else "the base"
        raise InputError(
            f"{setting.where}: {setting.name} cannot follow {before} (in the model of {training_set}): {error}"
        ) from error


def _teacher(state: _State, step: Step, training_set: str) -> str | None:
    """Return the key of the artifact that a step reads beside its source; `follow` has checked its label."""
    label = step.learns_from()
    if label is None:
        return None
    _, ends = state.earlier[label]
    return ends[training_set] if training_set in ends else ends[""]


def _follow(growing: _Growing, state: _State, setting: Setting, acting: Sequence[str]) -> ChainState:
    """Return what the chain carries after a step; InputError where its rules or its types forbid it."""
    chain_state = state.chain_state
    for line, at in _distinct({name: state.lines[name] for name in acting}):
        before = line[-1].name if line else "the base"
        broken = broken_here(setting.name, setting.step.order(), _ordered(line))
        if broken is not None:
            place, told = broken
            if place is not None:
                before = f"{line[place].name}, which stands at {line[place].where}"
            raise InputError(f"{setting.where}: {setting.name} cannot follow {before}{at}: {told}")
        done = tuple(earlier.name for earlier in line)
        try:
            given = state.chain_state.having(
                done=done, earlier={label: was for label, (was, _) in state.earlier.items()}
            )
            chain_state = setting.step.follow(given, growing.heads)
            for architecture in growing.architectures:
                if (lacks := unmet(setting.step.needs(), architecture)) is not None:
                    raise IncompatibleStep(lacks)
        except IncompatibleStep as error:
            why = why_format_lacks(setting, state.chain_state.format, state.left_out) or error
            raise InputError(f"{setting.where}: {setting.name} cannot follow {before}{at}: {why}") from error
    return chain_state.having(done=(*state.chain_state.done, setting.name), earlier={})


def _check_end(state: _State) -> None:
    """Raise InputError where a step of a whole chain lacks one that it needs after it."""
    for line, at in _distinct(state.lines):
        broken = broken_at_end(_ordered(line))
        if broken is not None:
            place, told = broken
            raise InputError(f"{line[place].where}: the chain ends too early{at}: {told}")


def _ordered(line: Sequence[Setting]) -> list[tuple[str, Sequence[Rule]]]:
    return [(setting.name, setting.step.order()) for setting in line]


def _distinct(lines: Mapping[str, tuple[Setting, ...]]) -> list[tuple[tuple[Setting, ...], str]]:
    """Return each different line once, with the words that say whose it is (none where all share it)."""
    groups: dict[tuple[int, ...], list[str]] = {}
    for name, line in lines.items():
        groups.setdefault(tuple(map(id, line)), []).append(name)
    return [
        (lines[names[0]], f" (in the models of {', '.join(names)})" if len(groups) > 1 else "")
        for names in groups.values()
    ]


def _candidate_name(arm: str, state: _State, label: str, seed: int | None, runtime: str) -> str:
    """Return arm/stage[/field=value...][/seed=n]/runtime; only what the stage depends on is named."""
    fields = [path.partition(".")[2] for path, _ in state.settings]
    shown = []
    for path, value in state.settings:
        short = path.partition(".")[2]
        words = isinstance(value, list) and value and all(isinstance(item, str) for item in value)
        text = title(value) if words else json.dumps(value, ensure_ascii=False).strip('"')
        text = text.replace("/", "_")
        shown.append(f"{short if fields.count(short) == 1 else path}={text}")
    seeds = [f"seed={seed}"] if seed is not None else []
    return "/".join([arm, label, *shown, *seeds, runtime])
