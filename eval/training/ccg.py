"""CCG supertagging (Hockenmaier & Steedman 2007): the lexical category of every word, from local files.

CCGbank is licensed by the LDC (LDC2005T13), so it is on no hub. Lay it in intermediate/ccg in one of
three forms (see eval.data.readers.ccg): CCGbank's folder data/AUTO as it is (sections 02 to 21 train, 00
is dev), train.stagged and dev.stagged as the C&C tools write them, or train.tsv and dev.tsv with
``word TAB supertag``; a report names the sections of AUTO that are not there. About 1,300
categories occur; the labels are those that the files show.
"""

from __future__ import annotations

from xpareto.eval.tasks import TrainingSet

_AUTO = "intermediate/ccg/**/AUTO"
_FLAT = ("intermediate/ccg/train*.stagged", "intermediate/ccg/train*.tsv")

TRAINING = TrainingSet(
    name="ccg",
    kind="tag",
    labels=(),
    files={
        "train": (
            f"{_AUTO}/0[2-9]/*.auto + {_AUTO}/1[0-9]/*.auto + {_AUTO}/2[01]/*.auto",
            *_FLAT,
        ),
        "dev": (f"{_AUTO}/00/*.auto", "intermediate/ccg/dev*.stagged", "intermediate/ccg/dev*.tsv"),
    },
    parts={f"section {n:02d}": " | ".join((f"{_AUTO}/{n:02d}/*.auto", *_FLAT)) for n in range(2, 22)},
)
