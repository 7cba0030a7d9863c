"""Write the embedded data set in XTREME's folder layout."""

from __future__ import annotations

from pathlib import Path

from xpareto.eval.synthetic import comparable, named, reading, sentences
from xpareto.eval.synthetic.draft import Draft
from xpareto.eval.synthetic.realize import LANGUAGES

GENERATOR = Path(__file__).parent  # what is written depends on the code in this folder
NOTICE = """This data set is synthetic.

A small generator (xpareto, eval/synthetic) drew sentences about an invented world and said them in
{count} real languages: {codes}. Lexicon and grammar were written by hand for xpareto. The files have the
layout of XTREME, but no sentence of XTREME or of any other corpus is in them. Persons, organisations
and what is said of them are made up.

Scores on it are evidence that the machinery works. They say nothing about real text.
Seed: {seed}
"""


def write_data(root: Path, seed: int = 0) -> None:
    """Write the whole data set below `root`; equal seeds give equal bytes.

    Evaluation sentences are drawn first; training and parallel text leave them out, in English and
    hence (all files are said from the same meanings) in every language.
    """
    draft = Draft(root, seed)
    sentences.write_tests(draft)
    named.write_tests(draft)
    reading.write_tests(draft)
    comparable.write_tests(draft)
    sentences.write_training(draft)
    named.write_training(draft)
    reading.write_training(draft)
    comparable.write_parallel(draft)
    draft.write("SYNTHETIC", NOTICE.format(count=len(LANGUAGES), codes=", ".join(LANGUAGES), seed=seed))
