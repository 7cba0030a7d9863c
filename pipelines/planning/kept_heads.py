"""What a base answers by itself: a checkpoint with a head needs no step that trains."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import Head, InputError, enumerated, read_json
from xpareto.compress.heads import HEADS
from xpareto.compress.models import head_in_config
from xpareto.eval.tasks import ENCODER, HEAD_OF_KIND, TASKS, task
from xpareto.pipelines.planning.base_checkpoint import Base
from xpareto.pipelines.planning.inputs import Start
from xpareto.pipelines.recipe import Recipe, Setting

_MOST_LABELS = 60  # that a message shows


@dataclass(frozen=True)
class Kept:
    """A checkpoint that answers the tasks of a training set, with its head and the data's labels in its order."""

    base: Base
    head: Head
    labels: tuple[str, ...]


def trains_heads(positions: Sequence[Sequence[Setting]]) -> Setting | None:
    """Return a step of a chain that gives its model a head of its own; None where no step does."""
    for place in positions:
        for setting in place:
            if setting.enabled and setting.step.makes_heads:
                return setting
    return None


def kept_heads(
    recipe: Recipe, start: Start, base: Base, wanted: Mapping[str, Head], trains: Setting | None
) -> dict[str, Kept]:
    """Return the checkpoint that answers each training set's tasks; none where a head has to be trained.

    `wanted` are the heads of the recipe's training sets, `trains` is a step of the chain that trains one. InputError
    where a base answers some other task, or has other labels than the data.
    """
    tasks: dict[str, list[str]] = {}
    for choice in recipe.choices():
        tasks.setdefault(choice.training_set, []).append(choice.task)
    if base.parts:
        if trains is not None:
            raise InputError(
                f"{base.where}: several checkpoints are given, one for each task, but {trains.label} at {trains.where} "
                "trains heads of one. Leave the step out (enabled: false), or give one base."
            )
        given = {name: _part(base, name, tasks[name]) for name in wanted}
    elif trains is not None:
        return {}
    else:
        given = dict.fromkeys(wanted, base)
    own = {one.identity: _own_head(one) for one in given.values()}
    if not base.parts and not HEADS[own[base.identity][0]].supervised and [*wanted] != [ENCODER]:
        return {}  # a body alone, or a masked LM: its tasks need a training
    return {
        name: _kept(given[name], own[given[name].identity], name, head, tasks, start)
        for name, head in wanted.items()
    }


def _part(base: Base, training_set: str, tasks: Sequence[str]) -> Base:
    """Return the part of several checkpoints that tasks of one training set are answered by."""
    keys = (*tasks, ENCODER) if training_set == ENCODER else tasks
    found = {key: base.parts[key] for key in keys if key in base.parts}
    if not found:
        raise InputError(
            f"{base.where}: expected a checkpoint for each task, found none for {' and '.join(tasks)} (but for "
            f"{' and '.join(base.parts)}). Add one, as `{keys[-1]}: DIR`, or leave the task out."
        )
    if len({part.identity for part in found.values()}) > 1:
        raise InputError(
            f"{base.where}: {' and '.join(found)} are answered by one model, that of {training_set}, but each has a "
            "checkpoint of its own. Give one of them, or run the tasks one by one."
        )
    return next(iter(found.values()))


def _kept(
    base: Base,
    own: tuple[Head, tuple[str, ...], bool],
    training_set: str,
    head: Head,
    tasks: Mapping[str, Sequence[str]],
    start: Start,
) -> Kept:
    own_head, spelt, segments = own
    if head == ENCODER and not HEADS[own_head].supervised:
        return Kept(base, "encoder", ())
    names = tasks[training_set]
    labels = start.data.labels(training_set) if own_head == head and training_set != ENCODER else ()
    matched = _matched(spelt, labels)
    if own_head == head and segments and _reads_two(head, training_set, start):
        raise InputError(
            f"{base.where}: {base.name} is a BERT that was fine-tuned on two texts at a time, the second of which has "
            "an embedding of its own (token_type_ids 1). The models here read both as one segment, so its answers to "
            f"{' and '.join(names)} would be others than those of the model as it is. Put a step `train` with "
            "`on: each` before the others, which trains a head on its body, or give a fine-tuned XLM-RoBERTa."
        )
    if own_head == head and matched is not None:
        return Kept(base, own_head, matched)
    answered = _answered(own_head, spelt)
    if own_head == head and not answered:
        raise InputError(_other_labels(base, spelt, labels, names))
    shown = f" with the labels {_shown(spelt)}" if spelt else ""
    it_answers = f"answers {' or '.join(answered)}" if answered else "answers none of the known tasks"
    raise InputError(
        f"{base.where}: {base.name} has {_named(own_head)}{shown}, so it {it_answers}, not {' and '.join(names)}. "
        f"{other_problem(own_head, head)}Leave out of `tasks` what it does not answer, give a checkpoint for each "
        "task, or put a step `train` with `on: each` before the others."
    )


def other_problem(own_head: Head, head: Head) -> str:
    """Return what to do where one class has both heads and a config.json may say the wrong one; "" elsewhere."""
    own, wanted = HEADS[own_head], HEADS[head]
    if own_head == head or own.class_ending != wanted.class_ending or own.problem_type == wanted.problem_type:
        return ""
    expected = f'"problem_type": "{wanted.problem_type}"' if wanted.problem_type else f"no {own.problem_type}"
    how = "each by itself" if wanted.problem_type else "one at a time"
    return f"Where its labels are answered {how}, its config.json has to say so: {expected}. "


def _reads_two(head: Head, training_set: str, start: Start) -> bool:
    """Tell whether what a head is shown are two texts at a time."""
    texts = HEADS[head].texts
    if texts != "either":
        return texts == "two"
    known = start.data.training_set(training_set)
    return "text" not in (known.columns or (known.hub.columns if known.hub else {}))


def _named(head: Head) -> str:
    return f"a {head} head" if HEADS[head].has_logits and HEADS[head].supervised else "no head of a task"


def _other_labels(base: Base, spelt: Sequence[str], labels: Sequence[str], names: Sequence[str]) -> str:
    example = ", ".join(f'"{index}": "{label}"' for index, label in enumerate(labels[:3]))
    more = ", ..." if len(labels) > 3 else ""
    return (
        f"{base.where}: {base.name}: id2label of its config.json: expected the labels of {' and '.join(names)}, in "
        f"any order: {_shown(labels)}; found {_shown(spelt)}. Which of them means which is not guessed: where they "
        "mean the same, name them in config.json as the data do, each at the number of its output, such as "
        f'"id2label": {{{example}{more}}}.'
    )


def _shown(labels: Sequence[str]) -> str:
    return enumerated(labels, _MOST_LABELS)


def _matched(spelt: Sequence[str], labels: Sequence[str]) -> tuple[str, ...] | None:
    """Return the data's labels in the order of a head's, whatever the case of letters; None where they differ.

    >>> _matched(["Neutral", "entailment"], ["entailment", "neutral"]), _matched(["LABEL_0"], ["0"])
    (('neutral', 'entailment'), None)
    """
    by_name = {label.casefold(): label for label in labels}
    if sorted(map(str.casefold, spelt)) != sorted(by_name) or len(by_name) < len(labels):
        return None
    return tuple(by_name[label.casefold()] for label in spelt)


def _answered(head: Head, spelt: Sequence[str]) -> list[str]:
    """Return the known tasks that a head with such labels answers."""
    known = [task(name) for name in TASKS.names]
    return [
        one.name
        for one in known
        if HEAD_OF_KIND[one.kind] == (head if HEADS[head].supervised else ENCODER)
        and _matched(spelt, one.labels) is not None
    ]


def _own_head(base: Base) -> tuple[Head, tuple[str, ...], bool]:
    """Return the head of a checkpoint, its labels and whether it was fine-tuned with segments, as its config.json says;
    of the hub's, that file is fetched."""
    if base.repo is None:
        return base.head, base.labels, base.segments
    return head_on_hub(base.repo, base.revision, f"{base.where}: {base.repo}@{base.revision}")


def head_on_hub(repo: str, revision: str | None, where: str) -> tuple[Head, tuple[str, ...], bool]:
    """Return what `head_in_config` does for a repository's config.json; InputError begins with `where`."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        file = Path(hf_hub_download(repo, "config.json", revision=revision))
    except HFValidationError as error:
        raise InputError(f"{where}: expected a folder or a hub id (owner/name), found neither.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"{where}: its config.json, which says what it answers, cannot be downloaded "
            f"({str(error).splitlines()[0]}). Check the name and the network, or give a local folder."
        ) from error
    head, labels, segments = head_in_config(read_json(file), file)
    return head or "encoder", labels, segments


def kept_notes(recipe: Recipe, sets: Collection[str], base: Base) -> Iterator[str]:
    """Yield what there is to tell of a base whose own heads answer for the tasks of some training sets."""
    names = [choice.task for choice in recipe.choices() if choice.training_set in {*sets} - {ENCODER}]
    if names:
        yield (
            f"{' and '.join(names)}: answered by the base {base.name} as it is, for which nothing is trained. What it "
            "was fine-tuned on is not known here: its scores may be none of zero-shot transfer, and examples that it "
            "is tested on may be among what it learnt."
        )
