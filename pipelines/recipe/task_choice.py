"""A task as a recipe names it: a built-in one with settings, or a declaration of one's own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xpareto.eval.tasks import ENCODER, UNTRAINED, task

Positive = Annotated[int, Field(gt=0)]


def _languages(value: Any) -> Any:
    codes = isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    if value is not None and value != "all" and not codes:
        raise ValueError("expected `all` or a list of ISO 639-1 codes such as [en, sw]")
    return value


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Languages = Annotated[
    Literal["all"] | list[str], BeforeValidator(_languages, json_schema_input_type=Literal["all"] | list[str])
]


_SPLITS = Literal["train", "dev", "test"]
_PARTS = Literal["train", "dev", "test", "queries", "corpus", "judgements"]
_Text = Annotated[str, Field(min_length=1)]
_Share = Annotated[float, Field(gt=0, lt=1, strict=False)]


class HubChoice(Frozen):
    """Where a task of one's own lies on the hub."""

    repo: _Text = Field(description="The data set's id, such as owner/name.")
    config: str = Field(default="default", description="Its configuration; {language} stands for the code.")
    splits: dict[_SPLITS, str] = Field(
        default={"train": "train", "dev": "validation", "test": "test"},
        description="Its names of train, dev and test.",
    )
    where: dict[str, str] = Field(
        default_factory=dict, description="Rows to keep: column -> value; {language} stands for the code."
    )
    label_names: dict[str, str] = Field(default_factory=dict, description="Its name of a label -> yours.")


class Cutting(Frozen):
    """What is cut from train in place of splits that have no file."""

    test: _Share = Field(default=0.2, description="Share of train that is tested on, where there is no test.")
    dev: _Share = Field(
        default=0.1, description="Share of train that chooses weights, where there is no dev."
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Draws what is cut.")


class TaskChoice(Frozen):
    """A task of the recipe with settings of its own; with `kind` one that the recipe declares."""

    task: str = Field(
        description="A task's name; see: xpareto list tasks. With `kind`: what yours shall be called."
    )
    kind: Literal["classify", "multilabel", "tag", "span", "retrieve", "similarity", "ranking"] | None = (
        Field(
            default=None,
            description="Declares a task of your own: a label for each text or pair of texts (classify), any number "
            "of labels (multilabel), a tag for each word (tag), an answer in a context (span), the text that belongs "
            "to each (retrieve), how similar two texts are (similarity), or which passages of a corpus answer a query "
            "(ranking).",
        )
    )
    files: (
        Annotated[str, Field(min_length=1)] | Annotated[dict[_PARTS, _Text], Field(min_length=1)] | None
    ) = Field(
        default=None,
        description="Files of your task, below the recipe's folder or --data: one by split, or one that {split} and "
        "{language} stand in, or one that is all train. csv, tsv, jsonl and parquet; CoNLL for tag; SQuAD's json for "
        "span; for ranking a folder in BEIR's layout, or its queries, corpus and judgements.",
    )
    hub: HubChoice | None = Field(default=None, description="Your task on the hub, in place of files.")
    columns: dict[str, str | Annotated[int, Field(gt=0)] | list[_Text]] = Field(
        default_factory=dict,
        description="What the files call text (or first, second), label; labels of multilabel, of which a list names a "
        "column of 0 and 1 for each; words, tags (in CoNLL: their numbers); source, target; score; and language, "
        "split, where a column has them.",
    )
    separator: _Text | None = Field(
        default=None, description="What stands between the labels of a cell, of multilabel, such as ';'."
    )
    prompts: dict[Literal["text", "query", "passage"], str] = Field(
        default_factory=dict,
        description="What the texts of your task begin with, in place of the model's own prompts: `text` of "
        "similarity, `query` and `passage` of ranking, such as {query: 'query: ', passage: 'passage: '} for E5.",
    )
    labels: list[_Text] | None = Field(
        default=None,
        min_length=2,
        description="Labels of your task; default: those that its train split shows.",
    )
    metrics: list[str] | None = Field(
        default=None, min_length=1, description="Metrics of your task, of which the first is its score."
    )
    max_length: Annotated[int, Field(ge=8)] | None = Field(
        default=None,
        description="Most subwords of an example of your task; default: 128, of span 384, of ranking 512.",
    )
    parallel: bool = Field(
        default=False, description="Is row i of your task's files the same example in every language?"
    )
    train_languages: list[_Text] | None = Field(
        default=None,
        min_length=1,
        description="Languages that your task learns from; default: all of its train split.",
    )
    splits: dict[_SPLITS, _Text] = Field(
        default_factory=dict, description="What {split}, or a column of splits, calls train, dev and test."
    )
    language_names: dict[str, str] = Field(
        default_factory=dict,
        description="What {language}, or a column of languages, calls a code: {de: German}.",
    )
    cut: Cutting = Field(
        default_factory=Cutting, description="What is cut from train where a split has no file."
    )
    trained_on: str | None = Field(
        default=None,
        description="A training set of the same kind and labels in place of the task's own, such as "
        "squad_v2 for mlqa; default: the task's own, of yours its train split.",
    )
    languages: Languages | None = Field(
        default=None, description="Languages of this task; default: the recipe's."
    )
    limit: Positive | None = Field(
        default=None, description="Evaluate the first examples of each language only; default: measure.limit."
    )
    skip: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Leave out so many first examples of each language, such as those that a search chose by.",
    )
    split: Literal["test", "dev", "train"] = Field(
        default="test",
        description="The split to evaluate. `train`: the labelled training part of languages other than "
        "English, for tasks whose test set is not at hand; not the official score.",
    )

    @model_validator(mode="after")
    def _declares(self) -> TaskChoice:
        declaring = self.model_fields_set & {*DECLARING}
        if self.kind is None and declaring:
            raise ValueError(
                f"{', '.join(sorted(declaring))}: only for a task of your own, which needs the key `kind` "
                "(classify, multilabel, tag, span, retrieve, similarity or ranking)"
            )
        if self.kind is not None and (self.files is None) == (self.hub is None):
            raise ValueError(f"the task {self.task} needs either `files` or `hub`")
        return self

    @property
    def training_set(self) -> str:
        """Return the training set whose model answers the task; ENCODER for one that trains nothing."""
        if self.trained_on is not None:
            return self.trained_on
        if self.kind is None:
            return str(task(self.task).trained_on)
        return ENCODER if self.kind in UNTRAINED else self.task


DECLARING = tuple(
    name
    for name in TaskChoice.model_fields
    if name not in ("task", "kind", "trained_on", "languages", "limit", "skip", "split")
)
"""The keys that only a task of one's own has."""
