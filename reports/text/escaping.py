"""Text of unknown origin made visible, for pages, Markdown, spreadsheets and embedded JSON."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidi marks too), surrogates, separators
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#~$!&])")


def visible(text: str) -> str:
    """Return the text with every character that would hide or reorder others spelled out.

    Line feeds and tabs stay. Lone surrogates, which UTF-8 cannot hold, are spelled out too.

    >>> visible("a\\u202eb")
    'a⟨U+202E⟩b'
    """
    return "".join(
        f"⟨U+{ord(char):04X}⟩" if unicodedata.category(char) in _UNSEEN and char not in "\n\t" else char
        for char in text
    )


def one_line(text: str) -> str:
    """Return the text in one line with nothing unseen in it, so that it cannot end a comment or a message.

    >>> one_line("a\\nb\\x1b[31m")
    'a b⟨U+001B⟩[31m'
    """
    return " ".join(visible(text).split())


def markdown(text: str) -> str:
    """Return the text so that it reads as itself in one Markdown table cell.

    >>> print(markdown("a|b <i>"))
    a\\|b \\<i\\>
    """
    return _MARKDOWN.sub(r"\\\1", re.sub(r"\s+", " ", visible(text)))


def code(text: str) -> str:
    """Return the text as a Markdown code span that is safe in a table cell.

    A backtick inside becomes a prime and a bar a broken bar, since a table cell can escape neither.

    >>> code("a|b")
    '`a¦b`'
    """
    flat = " ".join(visible(text).split()).replace("`", "′").replace("|", "¦")
    return f"`{flat}`" if flat else ""


def midway(title: str) -> str:
    """Return a title as it is written in the middle of a sentence.

    >>> midway("Median latency"), midway("RAM")
    ('median latency', 'RAM')
    """
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def spreadsheet(text: str) -> str:
    """Return the text so that no spreadsheet runs it as a formula.

    >>> spreadsheet("=1+1")
    "'=1+1"
    """
    seen = visible(text)
    return "'" + seen if seen[:1] in ("=", "+", "-", "@", "\t") else seen


def embedded_json(value: Any) -> str:
    """Return JSON that can stand inside an HTML script element whatever its strings hold.

    >>> embedded_json({"a": "</script>"})
    '{"a":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(_seen(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _seen(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(key)): _seen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_seen(item) for item in value]
    return value
