"""BUCC 2018: which sentences of two corpora translate each other? (Zweigenbaum, Sharoff and Rapp 2018)

XTREME's dev set is the shared task's sample, its test set the shared task's training set. A pair is
found by margin mining (eval.metrics.mining), and kept from a threshold on that is chosen per language on
dev, never on test: the test set of a language is evaluated only where its dev set is there, with gold.

Where dev itself is evaluated, `f1` is cross-fitted: the threshold of one half of the foreign sentences
is used on the other. `f1_dev_threshold` has the threshold of the whole dev set; on dev it is what
XTREME's script prints, an upper bound tuned on what it is measured on, and on test it equals `f1`.

Two things of XTREME's script are settled by Phang et al. 2020 and by the artifact here: sentences are
pooled by the mean over all tokens (the script says `cls`), and the layer is the artifact's own (the
script's 7 meant hidden state 8 of base, but 20 of Large, through a default).

There is no hub source: `bucc18.*` of google/xtreme holds the gold pairs alone, without the sentences
around them, in which they are to be found.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import ENCODER, Task

_SIDES = "{language}-en.SPLIT.{language}", "{language}-en.SPLIT.en"
_GOLD = "{language}-en.SPLIT.gold"

TASK = Task(
    name="bucc2018",
    kind="mine",
    group="retrieval",
    languages=("de", "fr", "ru", "zh"),
    trained_on=ENCODER,
    metrics=("f1", "precision", "recall", "f1_dev_threshold"),
    max_length=512,
    files={
        "dev": tuple(name.replace("SPLIT", "dev") for name in (*_SIDES, _GOLD)),
        "test": tuple(name.replace("SPLIT", "test") for name in _SIDES),
    },
    withheld={"test": (_GOLD.replace("SPLIT", "test"),)},
    calibration="dev",
)
