"""The embedded data set: a small invented world, spoken in real languages, shaped like XTREME.

Lexicon and grammar were written by hand for this project; no text of others is in it.
"""

from __future__ import annotations

from xpareto.eval.synthetic.write import write_data

__all__ = ["write_data"]
