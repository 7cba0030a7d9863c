"""The recipe that runs on data, as YAML with comments that say what was found and what to change."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xpareto.eval.tasks import ENCODER, TASKS, TRAINING_SETS, UNTRAINED
from xpareto.pipelines.drafting.looked_at import LookedAt

TRY = "embedded"
_MOST_LABELS = 500  # that a recipe spells out; more are read from train
_UPDATES, _FEWEST_EPOCHS, _MOST_EPOCHS = 1000, 3, 20  # as many epochs as make so many updates, within limits
_SMALL, _ENOUGH = 16, 32  # examples of a batch, up to so many of train and beyond
_FEW_EXAMPLES = 5000
_PROMPTS = {"similarity": '{text: "query: "}', "ranking": '{query: "query: ", passage: "passage: "}'}
_WIDTH = 96  # of a line of comments


def recipe_text(
    found: LookedAt,
    folder: Path,
    name: str,
    base: str | None,
    labels: Sequence[str] | None,
    odd: Sequence[str],
) -> str:
    """Return the recipe; `folder` is where it will lie, `labels` are those of a base that is fine-tuned already.

    What was not told by the data stands in comments that begin with TODO.
    """
    trains = labels is None and found.kind not in UNTRAINED
    lines = [
        "# Made by xpareto init. Run it: xpareto run FILE. What it does, without doing it: xpareto plan FILE.",
        *_comments(_facts(found)),
        *(line for text in odd for line in _comments([f"Odd: {text}"])),
        "xpareto: 1",
        f"name: {name}",
    ]
    if base is None:
        lines += [
            f"base: {TRY} # TODO: your model. This tiny one ships with xpareto, to try the recipe in minutes;",
            "# take a folder or a hub id, such as FacebookAI/xlm-roberta-base, here or by --base.",
        ]
    else:
        lines.append(f"base: {json.dumps(base, ensure_ascii=False)}")
    lines += ["tasks:", *_task(found, folder, name, labels)]
    lines += ["steps:"]
    if trains:
        lines += [*_training(found)]
    lines += [
        "  - {step: export_onnx, label: onnx}",
        "  - {step: quantize_dynamic, label: int8} # more to try: xpareto list steps",
        "runtimes: [torch, onnxruntime]",
    ]
    return "\n".join(lines) + "\n"


def task_name(files: Mapping[str, str]) -> str:
    """Return a task's name, which is that of its folder or file, and of nothing that is built in.

    >>> task_name({"train": "/data/My Intents/{language}/train.csv"}), task_name({"": "/data/xnli.csv"})
    ('my-intents', 'my-xnli')
    """
    path = Path(next(iter(files.values())))
    words = [path.stem, *(part.name for part in path.parents)]
    plain = (
        re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in words if "{language}" not in word
    )
    splits = {"train", "training", "dev", "valid", "validation", "test", "data", "all", ""}
    found = next((word for word in plain if word not in splits), "task")[:48]
    return f"my-{found}" if found in {*TASKS.names, *TRAINING_SETS.names, "each", ENCODER} else found


def _comments(texts: Sequence[str]) -> Iterator[str]:
    """Yield texts as comments, each from a line of its own on."""
    for text in texts:
        line = "#"
        for word in text.replace("\n", " ").split(" "):
            if len(line) + len(word) > _WIDTH and line != "#":
                yield line
                line = "#"
            line += f" {word}"
        yield line


def _facts(found: LookedAt) -> list[str]:
    """Return how much there is of what."""
    splits = ", ".join(f"{split} {count:,}" for split, count in found.count("split").items())
    facts = [f"{len(found.rows):,} examples: {splits}."]
    languages = {code: count for code, count in found.count("language").items() if code}
    if languages:
        facts.append(
            "By language: " + ", ".join(f"{code} {count:,}" for code, count in languages.items()) + "."
        )
    if found.kind in ("classify", "multilabel"):
        shown = list(found.count("labels").items())
        more = f", and {len(shown) - 12} labels more" if len(shown) > 12 else ""
        facts.append(
            "By label: "
            + ", ".join(f"{label or '(none)'} {count:,}" for label, count in shown[:12])
            + more
            + "."
        )
    return facts


def _task(found: LookedAt, folder: Path, name: str, labels: Sequence[str] | None) -> Iterator[str]:
    yield f"  - task: {name}"
    yield f"    kind: {found.kind}"
    paths = {split: _from(path, folder) for split, path in found.files.items()}
    if "" in paths:
        yield f"    files: {_quoted(paths[''])}"
    else:
        yield "    files:"
        yield from (f"      {split}: {_quoted(path)}" for split, path in paths.items())
    if found.columns:
        marked = f"labels: [{', '.join(map(_quoted, found.label_columns))}], " if found.label_columns else ""
        yield f"    columns: {{{marked}{_mapping(found.columns)[1:]}"
    if found.separator:
        yield f"    separator: {_quoted(found.separator)} # between the labels of a text"
    if found.splits:
        yield f"    splits: {_mapping(found.splits)} # what the data call them"
    known = list(labels or ()) or [*found.labels]
    labelled = found.kind in ("classify", "multilabel", "tag") and not found.label_columns
    if labelled and 2 <= len(known) <= _MOST_LABELS:
        yield f"    labels: [{', '.join(map(_quoted, known))}]"
    if found.kind == "classify":
        yield "    metrics: [accuracy, macro_f1, mcc] # the first is the score that the report weighs"
    if found.kind == "multilabel":
        yield "    metrics: [micro_f1, macro_f1, subset_accuracy] # the first is the score that the report weighs"
    there = found.count("split")
    cut = [f"{split}: {share}" for split, share in (("test", 0.2), ("dev", 0.1)) if split not in there]
    if cut and "train" in there:
        yield f"    cut: {{{', '.join(cut)}, seed: 0}} # shares of train, which has to stand in for them"
    if found.kind in _PROMPTS:
        yield f"    # prompts: {_PROMPTS[found.kind]} # where the model was trained with such, as E5"
    for text in found.unsure:
        yield from (f"    {line}" for line in _comments([f"TODO check: {text}."]))


def _training(found: LookedAt) -> Iterator[str]:
    count = found.count("split").get("train", 0)
    batch = _SMALL if count <= _FEW_EXAMPLES else _ENOUGH
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, math.ceil(_UPDATES * batch / max(count, 1))))
    yield f"  - {{step: train, label: fp32, on: each, epochs: {epochs}, batch_size: {batch}}}"


def _from(path: str, folder: Path) -> str:
    """Return a path as a recipe in a folder names it: relative where the file lies below it or beside it."""
    for base, lead in ((folder, ""), (folder.parent, "../")):
        if Path(path).is_relative_to(base) and base != Path(base.anchor):
            return lead + Path(path).relative_to(base).as_posix()
    return path


def _mapping(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {_quoted(value)}" for key, value in pairs.items()) + "}"


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back: plain where nothing in it means something else.

    >>> _quoted("utterance"), _quoted("yes: no"), _quoted("1")
    ('utterance', '"yes: no"', '"1"')
    """
    plain = re.fullmatch(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*", text) and text.lower() not in (
        "null",
        "true",
        "false",
    )
    return text if plain else json.dumps(text, ensure_ascii=False)
