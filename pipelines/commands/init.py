"""Look at data and write the recipe that runs on them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xpareto.pipelines.commands import completion
from xpareto.pipelines.commands.options import Folder, Text
from xpareto.pipelines.commands.output import tell


def init(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="Files of one task, or folders of them: csv, tsv, jsonl, parquet, CoNLL, SQuAD's json, BEIR's.",
            show_default=False,
        ),
    ],
    model: Annotated[
        Text,
        typer.Option(
            "--model",
            metavar="DIR_OR_ID",
            help="The model to compress; one that is fine-tuned for it is not trained. Default: a tiny one.",
            autocompletion=completion.bases,
        ),
    ] = None,
    out: Annotated[
        Folder, typer.Option("--out", metavar="FILE", help="The recipe to write; default: TASK.yaml here.")
    ] = None,
) -> None:
    """Look at data files and write a recipe that runs on them, with comments; what is odd in them is told."""
    from xpareto.compress.core import InputError, replace_text
    from xpareto.eval.tasks import HEAD_OF_KIND, UNTRAINED
    from xpareto.pipelines.drafting import (
        find_files,
        judged_folder,
        look,
        model_at,
        oddities,
        recipe_text,
        task_name,
        trainable,
        with_model,
    )
    from xpareto.pipelines.planning import other_problem

    found = judged_folder(data) or look(find_files(data))
    name = task_name(found.files)
    file = (out or Path(f"{name}.yaml")).expanduser()
    if file.exists():
        raise InputError(f"{file}: expected a new file, found one that is there. Give another name by --out.")
    if not file.absolute().parent.is_dir():
        raise InputError(
            f"{file.parent}: expected a folder to write the recipe to, found none. Make it first."
        )
    checkpoint = None if model is None else model_at(model)
    answered = None if checkpoint is None else with_model(found, checkpoint)
    if answered is not None:
        found, labels = answered
    else:
        labels = None
        if found.kind not in UNTRAINED:
            found = trainable(found)
        if checkpoint is not None and (told := other_problem(checkpoint.head, HEAD_OF_KIND[found.kind])):
            tell(f"Check: the head of {checkpoint.name} is not used. {told.strip()}")
    odd = [text.replace(f"{Path.cwd()}/", "") for text in oddities(found)]
    base = None if checkpoint is None else checkpoint.name
    replace_text(file, recipe_text(found, file.absolute().parent, name, base, labels, odd))
    for text in odd:
        tell(f"Odd: {text}")
    for text in found.unsure:
        tell(f"Check: {text}.")
    splits = ", ".join(f"{split} {count:,}" for split, count in found.count("split").items())
    tell(f"Wrote {file}: {found.kind} on {splits} examples. Read it, then: xpareto run {file}")
