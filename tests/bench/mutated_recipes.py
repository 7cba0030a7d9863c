"""Recipes as slips, other editors and fuzzers make them, for `campaign.py`: every shipped one, changed at random."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from xpareto.compress.core import STEPS
from xpareto.pipelines.recipe import Measure, Recipe, read_yaml, shipped_recipes
from xpareto.pipelines.recipe.located_yaml import dump_yaml

TEXTS = {name: file.read_text(encoding="utf-8") for name, file in shipped_recipes().items()}
VALUES = {name: read_yaml(file).value for name, file in shipped_recipes().items()}
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 3.5, -0.0, 1e308, float("inf"), float("nan"), 2**31, 2**64, 10**400, "", " ", "\n", "a\nb", "..",
    "/etc/passwd", "/dev/zero", "~nosuchuser/x", "\u202e", "😀" * 50, "x" * 300, "x" * 100_000, "no", "~", "2020-01-01",
    "1:30", "0x10", ".inf", "<<", "!!python/object:os.system", "[red]x[/red]", [], {}, [[]], [{}], {"": ""}, ["arms"],
    ["arms", "arms"], list(range(1000)), "hub", "all", "mnli@xx", "mlm:../..", ["each"],
)  # fmt: skip
LINES = (
    "---", "%YAML 1.1", "<<: *x", "? a", ": b", "&a", "*a", "{", "]", "'", "|9", "@", "!!binary x", "key: !!set {a, b}",
    "k: !!timestamp 2001-01-01", "k: !!float x", "k: !<tag:x> y", 'description: "\\ud800"', 'description: "\\0"',
)  # fmt: skip
BREAKS = ("\u00a0", "\r", "\x0b", "\x85", "\u2028", "\ufeff", "\x00", "\x1b[31m", "\t")
NUMBERS = ("9" * 5000, "1e999999", "0" * 5000 + "1", "-0", ".5", "٣", "½", "!!int 1", "!!float 1")

Paths = tuple[Any, ...]


def mutated(seed: int) -> bytes:
    """Return the recipe of a seed: of changed values in three of five cases, of changed text in the others."""
    chance = random.Random(seed)
    name = chance.choice(sorted(TEXTS))
    if chance.random() < 0.4:
        return chance.choice(TEXT_CHANGES)(TEXTS[name], chance)
    value = copy.deepcopy(VALUES[name])
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choice(VALUE_CHANGES)(value, chance)
    return dump_yaml(value).encode("utf-8", "surrogatepass")


def _paths(value: Any, at: Paths = ()) -> Iterator[Paths]:
    if at:
        yield at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in list(parts):
        yield from _paths(part, (*at, key))


def _place(value: Any, chance: random.Random) -> tuple[Any, Any]:
    """Return a container inside of a value, and one of its keys."""
    *outer, key = chance.choice([*_paths(value)] or [("name",)])
    for part in outer:
        value = value[part]
    return value, key


def _odd(value: Any, chance: random.Random) -> None:
    inside, key = _place(value, chance)
    inside[key] = copy.deepcopy(chance.choice(ODD))


def _delete(value: Any, chance: random.Random) -> None:
    inside, key = _place(value, chance)
    if isinstance(inside, list) or key in inside:
        del inside[key]


def _double(value: Any, chance: random.Random) -> None:
    inside, key = _place(value, chance)
    if isinstance(inside, list):
        inside += [copy.deepcopy(inside[key])] * chance.choice((1, 5, 2000))
    elif key in inside:
        inside[f"{key}{chance.choice(('', '2', ' '))}"] = inside[key]


def _rename(value: Any, chance: random.Random) -> None:
    inside, key = _place(value, chance)
    if isinstance(inside, dict) and key in inside:
        inside[chance.choice((key.upper(), key[::-1], f"{key}s", "x" * 1000, ""))] = inside.pop(key)


def _nest(value: Any, chance: random.Random) -> None:
    inside, key = _place(value, chance)
    for _ in range(chance.choice((1, 5, 50, 150))):
        inside[key] = [inside[key]] if chance.random() < 0.5 else {"a": inside[key]}


def _swap(value: Any, chance: random.Random) -> None:
    (one, a), (other, b) = _place(value, chance), _place(value, chance)
    one[a], other[b] = copy.deepcopy(other[b]), copy.deepcopy(one[a])


def _field(value: Any, chance: random.Random) -> None:
    """Give a field of a step, of the recipe or of `measure` an odd value, or sweep it."""
    kind = chance.choice((*STEPS.names, "measure", "recipe"))
    if kind == "recipe":
        value[chance.choice(sorted(Recipe.model_fields))] = copy.deepcopy(chance.choice(ODD))
    elif kind == "measure":
        value["measure"] = {chance.choice(sorted(Measure.model_fields)): copy.deepcopy(chance.choice(ODD))}
    elif isinstance(value.get("steps"), list):
        field = chance.choice(sorted(STEPS.load(kind).model_fields) or ["enabled"])
        value["steps"].insert(0, {"step": kind, field: copy.deepcopy(chance.choice(ODD))})
        value["sweep"] = {f"{kind}.{field}": list(range(chance.choice((1, 40, 9000))))}


def _bytes(text: str, chance: random.Random) -> bytes:
    content = bytearray(text.encode())
    for _ in range(chance.choice((1, 3, 10))):
        at = chance.randrange(len(content))
        if chance.random() < 0.5:
            content[at] ^= 1 << chance.randrange(8)
        else:
            del content[at : at + chance.choice((1, 50))]
    return bytes(content)


def _line(text: str, chance: random.Random) -> bytes:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    change: Callable[[], object] = chance.choice((
        lambda: lines.insert(at, chance.choice(LINES)),
        lambda: lines.insert(at, lines[at]),
        lambda: lines.__setitem__(at, " " * chance.randrange(1, 9) + lines[at]),
        lambda: lines.__setitem__(at, lines[at].replace(" ", chance.choice(BREAKS), 1)),
        lambda: lines.__setitem__(at, lines[at].partition(":")[0] + ": " + chance.choice(NUMBERS)),
    ))  # fmt: skip
    change()
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _whole(text: str, chance: random.Random) -> bytes:
    deep, large = chance.choice((50, 900, 100_000)), 10 << 20
    bomb = "\nx0: &x0 [a,a,a,a,a,a,a,a,a]\n" + "".join(
        f"x{level}: &x{level} [{','.join([f'*x{level - 1}'] * 9)}]\n"
        for level in range(1, chance.choice((5, 12)))
    )
    sweep = "\nsweep:\n" + "".join(f"  train.{field}: {[*range(39)]}\n" for field in "abcde")
    return chance.choice((
        b"", b"null", b"[]", b"42", text.encode("utf-16"), text.encode("utf-8-sig"), text.encode() * 2,
        f"{text}\nx: {'[' * deep}{']' * deep}".encode(), ("- " * deep + "a").encode(), f"{text}{bomb}".encode(),
        f"# {'x' * large}\n{text}".encode(), f"{text}\nd: {'y' * large}".encode(), f"{text}{sweep}".encode(),
        (text + "\n" + "\n".join(f"k{number}: 1" for number in range(60_000))).encode(),
    ))  # fmt: skip


VALUE_CHANGES = (_odd, _odd, _delete, _double, _rename, _nest, _swap, _field, _field)
TEXT_CHANGES = (_bytes, _bytes, _line, _line, _line, _whole)
