"""ANLI+: Adversarial NLI (Nie et al. 2020) with MNLI and SNLI, as Phang et al. 2020 join them.

The train splits of rounds 1 to 3 (``anli_v1.0/R1/train.jsonl`` and so on), or a sample, are read
first; MNLI and SNLI are added where they are there, and a report names the parts that are not. Dev is
that of the three rounds; of a sample, its held-out part. ``anli@de`` is a translation of any of this
with the same fields.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet
from xpareto.eval.tasks.xnli import HUB as XNLI
from xpareto.eval.tasks.xnli import LABELS

_MNLI = "intermediate/mnli/multinli_1.0_train.jsonl | intermediate/mnli/t*.jsonl | xtreme/xnli/train-en.tsv"
_SNLI = "intermediate/snli/snli_1.0_train.jsonl | intermediate/snli/train*.jsonl"
_ROUNDS = ("**/R1/{}.jsonl", "**/R2/{}.jsonl", "**/R3/{}.jsonl")


def _rounds(split: str) -> str:
    return " + ".join(f"intermediate/anli/{name.format(split)}" for name in _ROUNDS)


_DEV = (_rounds("dev"), "intermediate/anli/dev*.jsonl", "intermediate/anli/r3-test.jsonl")
_PARTS = {
    **{
        f"round {n} of ANLI": f"intermediate/anli/**/R{n}/train.jsonl | intermediate/anli/train*.jsonl"
        f" | intermediate/anli/r{n}-train*.jsonl"
        for n in (1, 2, 3)
    },
    "MNLI": _MNLI,
    "SNLI": _SNLI,
}
_COLUMNS = {"first": "premise", "second": "hypothesis", "label": "label"}

TRAINING = TrainingSet(
    name="anli",
    kind="classify",
    labels=LABELS,
    files={
        "train": (
            f"{_rounds('train')} + {_MNLI} + {_SNLI}",
            f"intermediate/anli/train*.jsonl | intermediate/anli/r*-train*.jsonl + {_MNLI} + {_SNLI}",
        ),
        "dev": _DEV,
    },
    hub=HubSource(
        repo="facebook/anli",
        config="plain_text",
        splits={"train": "train_r1+train_r2+train_r3", "dev": "dev_r1+dev_r2+dev_r3"},
        columns=_COLUMNS,
    ),
    more_hub=(
        HubSource(XNLI.repo, "en", {"train": "train"}, XNLI.columns),
        HubSource("stanfordnlp/snli", "plain_text", {"train": "train"}, _COLUMNS),
    ),
    parts=_PARTS,
    translated={"train": ("intermediate/anli/{language}/train*.jsonl",), "dev": _DEV},
)
