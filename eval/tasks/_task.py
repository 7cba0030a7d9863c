"""A task is a pure declaration; what its kind of answer needs is done once, in eval.kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from xpareto.compress.core import Catalog

if TYPE_CHECKING:
    from xpareto.compress.core import Head

KindName = Literal[
    "classify", "multilabel", "tag", "span", "choose", "retrieve", "mine", "similarity", "ranking"
]

# The head of the models that answer. Declared here and not by the kinds: a plan needs it, and loads no kind.
HEAD_OF_KIND: dict[KindName, Head] = {
    "classify": "classification",
    "multilabel": "multi_label_classification",
    "tag": "tagging",
    "span": "qa",
    "choose": "choice",
    "retrieve": "encoder",
    "mine": "encoder",
    "similarity": "encoder",
    "ranking": "encoder",
}

UNTRAINED: frozenset[KindName] = frozenset(
    {"retrieve", "mine", "similarity", "ranking"}
)  # kinds that compare the bare encoder's vectors
ENCODER = "encoder"  # the training set of tasks that train nothing: the bare encoder


@dataclass(frozen=True)
class HubSource:
    """Where a split lives on the Hugging Face hub. Revisions are resolved at first use, not here.

    `repo` may name a reference other than main: ``owner/name@refs/convert/parquet``, the hub's own
    conversion of a repository that holds a script, which `datasets` no longer runs.

    `config` may hold {language}, filled through `language_names` where the hub spells it otherwise.
    `columns` maps our field to the hub's: text, label (one text); first, second, label (a pair); labels in place of
    label, or `label_columns` and `separator` as in Task (any number of labels); words, tags; source, target; id,
    question, context, answers (a mapping of text and answer_start, as SQuAD's);
    context, question, options, label for multiple choice, where several columns are joined by `` + ``, and
    ``choices.text`` is the field text of the column choices.
    """

    repo: str
    config: str
    splits: dict[str, str]  # ours (train, dev, test) -> the hub's
    columns: dict[str, str]
    language_names: dict[str, str] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)  # keep rows whose column is this, or begins so (x*)
    label_names: dict[str, str] = field(default_factory=dict)  # the hub's label -> ours
    label_columns: tuple[str, ...] = ()
    separator: str = ""


@dataclass(frozen=True)
class Cut:
    """Which shares of the train split stand in for splits that a task has no files of, and the seed that draws them."""

    shares: dict[str, float]  # split -> share of train's examples
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """One task. Every metric is in percent.

    The task's score in one language is the mean of its first `scored_by` metrics: one, or two for
    question answering (exact match and F1), as XTREME averages them.

    `files` gives, per split, the files of one language below the folder of the task's name, all of
    them needed; ``{language}`` stands for its code, or for what `language_names` says in its place.
    Without it: ``{split}-{language}.tsv``.

    `columns` is for files of texts with labels whose header names the columns: our field -> theirs, text and
    label, or first, second and label. Without it they are pairs in the formats of XTREME's tasks. Of texts with any
    number of labels, `labels` is a column of lists, or of words between which `separator` stands; or each label
    has a column of 0 and 1 of its own name, in `label_columns`.

    A task that a recipe declares (`own`) is of this type, too. Its files are absolute paths, its training set has its
    name and is its own train split, in `train_languages` (all where none is named). Where one file holds several
    languages or splits, `where` keeps the rows of one: {language} and {split} stand for what the files call it.
    `prompts` are what its texts begin with, in place of the model's own: of `text` (similarity), `query` and `passage`
    (ranking).
    """

    name: str
    kind: KindName
    group: str  # XTREME's: classification, tagging, qa, retrieval
    languages: tuple[str, ...]
    trained_on: str  # a training set's name, or ENCODER
    metrics: tuple[str, ...]
    labels: tuple[str, ...] = ()
    max_length: int = 128
    parallel: bool = False  # example i is the same sentence in every language
    hub: HubSource | None = None
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)  # split -> names
    scored_by: int = 1
    withheld: dict[str, tuple[str, ...]] = field(default_factory=dict)  # files of gold, read where they are
    calibration: str | None = None  # the split whose gold sets a threshold for the others
    columns: dict[str, str] = field(default_factory=dict)
    language_names: dict[str, str] = field(default_factory=dict)  # code -> how the files spell it
    own: bool = False
    where: dict[str, str] = field(default_factory=dict)  # column -> what it has to be
    splits: dict[str, str] = field(default_factory=dict)  # ours -> how the files spell it
    cut: Cut | None = None
    train_languages: tuple[str, ...] = ()
    prompts: dict[str, str] = field(default_factory=dict)
    label_columns: tuple[str, ...] = ()
    separator: str = ""

    def file_names(self, language: str, split: str) -> tuple[str, ...]:
        """Return the names of the files of one language, () for a split that the task has not."""
        if not self.files:
            return (f"{split}-{language}.tsv",)
        spelt = self.language_names.get(language, language)
        return tuple(name.replace("{language}", spelt) for name in self.files.get(split, ()))

    def rows(self, language: str, split: str) -> dict[str, str]:
        """Return what columns have to be in the rows of one language and split."""
        spelt = {
            "{language}": self.language_names.get(language, language),
            "{split}": self.splits.get(split, split),
        }
        return {column: spelt.get(value, value) for column, value in self.where.items()}

    def gold_names(self, language: str, split: str) -> tuple[str, ...]:
        """Return the names of the files of one language that may be withheld."""
        return tuple(name.format(language=language) for name in self.withheld.get(split, ()))

    @property
    def cut_words(self) -> str:
        """Return which splits are cut from train, and how; "" where none is."""
        if self.cut is None:
            return ""
        parts = " and ".join(f"{split} {share:.0%}" for split, share in self.cut.shares.items())
        return f"{parts} of train, by label and language, seed {self.cut.seed}"

    def calibrated_on(self, split: str) -> str | None:
        """Return the split that is read as well when `split` is evaluated, None where none is."""
        return self.calibration if self.calibration != split else None


@dataclass(frozen=True)
class TrainingSet:
    """Labelled data that a step can train on.

    `files` gives the candidates of each split below the data root; the first that exists is read.
    A candidate is a path, a pattern (``train*.jsonl``: all matches, in the order of their names),
    or several of these joined by `` + ``: the first must exist, the others are added where they do;
    each may be alternatives joined by `` | ``, of which the first that exists counts.

    English is meant, unless a language is named: ``mnli@de`` reads the candidates of
    `translated`, in which ``{language}`` stands for the code, as in Task. Its dev split stays English, because
    transfer is zero-shot: no labels of another language choose the weights.

    Tagging without `labels`: the set of tags is what the files show (see eval.data.source.Data.labels).

    A set that is a union of others names them in `parts`, each with the files of its train split (one
    candidate as above): what is read without one of them is told, not refused.

    Without a dev part of its own that may be looked at, the set gives the share `held_out` of its
    training examples, the last ones, as dev (see eval.data.held_out).
    """

    name: str
    kind: KindName
    labels: tuple[str, ...]
    files: dict[str, tuple[str, ...]]  # split -> candidates
    hub: HubSource | None = None
    translated: dict[str, tuple[str, ...]] = field(default_factory=dict)  # split -> candidates
    more_hub: tuple[HubSource, ...] = ()  # read after `hub`: the set is their union
    held_out: float = 0.0
    parts: dict[str, str] = field(default_factory=dict)  # name -> candidate
    columns: dict[str, str] = field(default_factory=dict)  # as in Task
    language_names: dict[str, str] = field(default_factory=dict)  # as in Task
    dev_metrics: tuple[
        str, ...
    ] = ()  # of its kind; their mean on dev chooses weights. (): share of right labels

    @property
    def head(self) -> Head:
        """Return the head that is trained on the set."""
        return HEAD_OF_KIND[self.kind]

    def candidates(self, split: str, language: str = "en") -> tuple[str, ...]:
        """Return where a split may lie, in the order of preference; () where it does not exist."""
        if language == "en":
            return self.files.get(split, ())
        spelt = self.language_names.get(language, language)
        return tuple(name.format(language=spelt) for name in self.translated.get(split, ()))


TASKS = Catalog("task", "xpareto.eval.tasks", "TASK")
TRAINING_SETS = Catalog("training set", "xpareto.eval.training", "TRAINING", also="xpareto.eval.tasks")
KINDS = Catalog("kind", "xpareto.eval.kinds", "KIND")


def task(name: str) -> Task:
    """Return the task of that name; InputError with a near miss otherwise."""
    loaded_task: Any = TASKS.load(name)
    assert isinstance(loaded_task, Task)
    return loaded_task


def split_language(name: str) -> tuple[str, str]:
    """Return a training set's own name and its language.

    >>> split_language("mnli"), split_language("mnli@de")
    (('mnli', 'en'), ('mnli', 'de'))
    """
    set_name, _, language = name.partition("@")
    return set_name, language or "en"


def task_of(fields: Mapping[str, Any]) -> Task:
    """Return the task that such fields declare, as `dataclasses.asdict` or JSON gives them."""
    found: Task = _task_adapter().validate_python(dict(fields))
    return found


@cache
def _task_adapter() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Task)


def own_training_set(declared: Task) -> TrainingSet:
    """Return the training set of a task that a recipe declares: its own train split."""
    scored = declared.metrics[: declared.scored_by]
    return TrainingSet(
        declared.name,
        declared.kind,
        declared.labels,
        {split: declared.files.get(split, ()) for split in ("train", "dev")},
        hub=declared.hub,
        columns=declared.columns,
        dev_metrics=() if scored == ("accuracy",) else scored,
    )


def training_set(name: str) -> TrainingSet:
    """Return the training set of that name (its language left aside); InputError with a near miss."""
    loaded_set: Any = TRAINING_SETS.load(split_language(name)[0])
    assert isinstance(loaded_set, TrainingSet)
    return loaded_set
