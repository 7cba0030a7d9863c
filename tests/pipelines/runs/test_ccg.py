"""CCG supertags end to end: derivations as CCGbank lays them are read, learned and scored on section 00."""

from __future__ import annotations

from pathlib import Path
from random import Random

from xpareto.compress.core.artifact import Manifest, seal
from xpareto.compress.core.step import Context
from xpareto.compress.models.checkpoint import import_checkpoint
from xpareto.compress.steps.train import Train
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Tagged
from xpareto.pipelines.execution.data import TaskDataProvider

# what a word of one letter is: its lexical category
CATEGORIES = {
    "a": "NP/N",
    "b": "N",
    "c": "N",
    "d": r"(S[dcl]\NP)/NP",
    "e": r"S[dcl]\NP",
    "f": "N/N",
    "g": ".",
}


def derivation(number: int, random: Random) -> str:
    """Return a made-up sentence as CCGbank's AUTO files write one; inner nodes are of no use to a tagger."""
    words = [random.choice("abcdef") for _ in range(random.randint(2, 6))] + ["g"]
    leaves = " ".join(f"(<L {CATEGORIES[word]} X X {word} {CATEGORIES[word]}>)" for word in words)
    return f"ID=wsj_{number:04d}.1 PARSER=GOLD NUMPARSE=1\n(<T S[dcl] 0 {len(words)}> {leaves} )\n"


def write_ccgbank(root: Path) -> None:
    random = Random(0)
    (root / "xtreme").mkdir(parents=True)
    for section in range(25):
        file = root / f"intermediate/ccg/ccgbank_1_1/data/AUTO/{section:02d}/wsj_{section:02d}01.auto"
        file.parent.mkdir(parents=True)
        file.write_text("".join(derivation(section * 100 + at, random) for at in range(12)))


def test_supertags_of_ccgbank_s_folder_are_learned(base: Path, tmp_path: Path) -> None:
    write_ccgbank(tmp_path / "data")
    data = Data.open(DataSpec(str(tmp_path / "data")))
    assert [len(data.training("ccg", split)) for split in ("train", "dev")] == [20 * 12, 12]
    assert data.absent_parts("ccg") == ()
    words = {word for one in data.training("ccg", "dev") if isinstance(one, Tagged) for word in one.words}
    assert words <= set(CATEGORIES)
    (tmp_path / "base").mkdir()
    made = import_checkpoint(base, tmp_path / "base")
    source = seal(tmp_path / "base", Manifest({}, made.format, made.head))
    (tmp_path / "made").mkdir()
    context = Context(TaskDataProvider(data), 0, 1, tmp_path / "scratch", lambda *_: None)
    step = Train(on="ccg", steps=120, batch_size=16, learning_rate=2e-2, patience=0, max_length=32)
    trained = step.apply(source, tmp_path / "made", context)
    assert trained.head == "tagging"
    assert trained.labels == tuple(sorted(set(CATEGORIES.values())))
    assert trained.notes["best_dev"] > 60  # the most frequent category: about a third
