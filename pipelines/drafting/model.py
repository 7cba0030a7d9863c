"""What a model that a recipe shall start from answers by itself, and whether that is what the data ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xpareto.compress.core import Head, InputError, enumerated
from xpareto.compress.heads import HEADS
from xpareto.compress.models import read_checkpoint
from xpareto.eval.tasks import HEAD_OF_KIND
from xpareto.pipelines.drafting.looked_at import LookedAt
from xpareto.pipelines.planning import head_on_hub

_MOST_LABELS = 60  # that a message shows


@dataclass(frozen=True)
class Model:
    """A checkpoint: as the recipe names it, with its head and the labels of its config.json."""

    name: str
    head: Head
    labels: tuple[str, ...]


def model_at(name: str) -> Model:
    """Return what a folder, or a config.json on the hub, says; InputError where neither is there."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        facts = read_checkpoint(folder)
        return Model(str(folder.absolute()), facts.head, facts.labels)
    return Model(name, *head_on_hub(name, None, f"--model {name}")[:2])


def with_model(found: LookedAt, model: Model) -> tuple[LookedAt, tuple[str, ...]] | None:
    """Return the data as a model that is fine-tuned for them is tested on, and its labels as the data spell them.

    None where the model answers nothing of the kind: its body is trained. InputError, with both lists, where it has
    other labels.
    """
    if not HEADS[model.head].has_logits or model.head != HEAD_OF_KIND[found.kind]:
        return None
    spelt = {label.casefold(): label for label in found.labels}
    labels = tuple(spelt.get(label.casefold(), label) for label in model.labels)
    unknown = [label for label in found.labels if label not in labels]
    if model.labels and unknown:
        where = next(row.place for row in found.rows if {*unknown} & {*row.labels})
        raise InputError(
            f"{where}: expected labels of --model {model.name}, whose config.json (id2label) has "
            f"{enumerated(model.labels, _MOST_LABELS)}; found {enumerated(found.labels, _MOST_LABELS)}. Where they "
            "mean the same, name them in config.json as the data do, each at the number of its output."
        )
    return _tested(found), labels


def _tested(found: LookedAt) -> LookedAt:
    """Return data with nothing but what is tested on: test, else dev, else all."""
    if "" in found.files:  # a column says which row is which
        return found
    split = next(split for split in ("test", "dev", "train") if split in found.files)
    rows = tuple(replace(row, split="test") for row in found.rows if row.split == split)
    unsure = [text for text in found.unsure if "which split" not in text]
    others: Sequence[str] = [name for name in found.files if name != split]
    if others:
        unsure.append(f"the model is fine-tuned already, so {enumerated(list(others))} is left out")
    elif split != "test":
        unsure.append("all examples are tested on: leave out those that the model was fine-tuned on")
    return replace(found, files={"test": found.files[split]}, rows=rows, unsure=tuple(unsure))


def trainable(found: LookedAt) -> LookedAt:
    """Return data of which a part can be trained on: where none is called so, dev is, or else test.

    InputError where a column says which row is which, and none is of train.
    """
    if "train" in found.count("split"):
        return found
    if "" in found.files:
        raise InputError(
            f"{found.rows[0].place}: expected rows of train in the column {found.columns['split']}, found none. Add "
            "them, or give a model that is fine-tuned by --model."
        )
    split = next(split for split in ("dev", "test") if split in found.files)
    files = {"train" if name == split else name: path for name, path in found.files.items()}
    rows = tuple(replace(row, split="train") if row.split == split else row for row in found.rows)
    unsure = (
        *found.unsure,
        f"no file is called train, so that {split} is trained on, and what lacks is cut from it",
    )
    return replace(found, files=files, rows=rows, unsure=unsure)
