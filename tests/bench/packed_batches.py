"""Sequences packed several to a row, beside batches of like lengths: how much is saved, and how much could be.

    python tests/bench/packed_batches.py --base DIR --data XTREME [--tasks udpos xnli] [--languages 8]
        [--sequences 128] [--budgets 512 1024] [--rounds 6] [--threads 2] [--runtimes onnxruntime openvino]
        [--out FILE.md]

--base is an encoder's checkpoint with its tokenizer; real lengths come from the tasks' test sentences, drawn evenly
over the first languages. The encoder is exported once with and once without `packed: true`, both also in int8
(quantize_dynamic), and each runs the same sequences: padded as they come, in batches of like lengths (what the probes
do), and packed. Answers are compared before anything is timed: a sequence's mean state, as one minus its cosine with
that of the float model by itself.

Told are examples per second over those of like lengths (paired by round; orders turn), and the bound that no packing
can beat while attention costs what it costs: tokens with padding over tokens without, of the batches of like lengths.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from interleaved import Spent, interleaved, ratio, table, write

from xpareto.compress.core import STEPS, Artifact, Context, Manifest, quiet, read_json, seal
from xpareto.compress.models import import_checkpoint, load_model, save_model
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.encoding import TextEncoder, pack
from xpareto.eval.hardware import machine_facts
from xpareto.eval.probing import pad, plan_batches
from xpareto.eval.runtimes import RUNTIMES, Session
from xpareto.eval.tasks import KINDS, task

LIKE, AS_THEY_COME, PACKED = "like lengths", "as they come", "packed"
PLAIN, PACKS = "plain", "packs"
BATCH = 32  # sequences, as they come


@dataclass(frozen=True)
class Batches:
    """Inputs of one way, and which sequence each answer of theirs is: (row, first token, tokens, its number)."""

    inputs: Sequence[tuple[np.ndarray, np.ndarray]]
    places: Sequence[Sequence[tuple[int, int, int, int]]]

    @property
    def tokens(self) -> int:
        return sum(ids.size for ids, _ in self.inputs)


def made_models(base: Path, folder: Path, threads: int) -> dict[tuple[str, str], Artifact]:
    """Return the exports by (precision, whether they read packed rows)."""
    imported, target = folder / "imported", folder / "base"
    import_checkpoint(base, imported)
    save_model(load_model(imported, "encoder"), imported, target)
    encoder = seal(target, Manifest({}, "torch", "encoder", training_set="encoder", step="base"))
    models = {}
    for kind, fields in ((PLAIN, {}), (PACKS, {"packed": True})):
        models["fp32", kind] = made("export_onnx", fields, encoder, folder / f"fp32-{kind}", threads)
        models["int8", kind] = made(
            "quantize_dynamic", {}, models["fp32", kind], folder / f"int8-{kind}", threads
        )
    return models


def made(step: str, fields: dict[str, Any], source: Artifact, target: Path, threads: int) -> Artifact:
    target.mkdir()
    with tempfile.TemporaryDirectory() as scratch:
        context = Context(None, 0, threads, Path(scratch), lambda *_: None)  # type: ignore[arg-type]
        result = STEPS.load(step).model_validate(fields).apply(source, target, context)
    manifest = Manifest({}, result.format, result.head, result.labels, layer=result.layer)
    return seal(target, replace(manifest, notes=result.notes))


def real_sequences(
    data: Data, name: str, encoder: TextEncoder, languages: int, count: int
) -> list[list[int]]:
    """Return the pieces of a task's test sentences, evenly over its first languages."""
    found = task(name)
    used = data.languages(found)[:languages]
    each = -(-count // len(used))
    kind = KINDS.load(found.kind)
    return [
        ids
        for language in used
        for ids in kind.encode(data.examples(found, language, "test", each), encoder, found).input_ids
    ][:count]


def batches(sequences: list[list[int]], how: str, budget: int, pad_id: int) -> Batches:
    if how == PACKED:
        packed = pack(sequences, budget, pad_id)
        return Batches(
            [(one.input_ids, one.attention_mask) for one in packed],
            [[(at.row, at.start, at.length, at.sequence) for at in one.places] for one in packed],
        )
    numbers = np.arange(len(sequences))
    planned = (
        plan_batches([len(one) for one in sequences], budget)
        if how == LIKE
        else np.split(numbers, range(BATCH, len(sequences), BATCH))
    )
    return Batches(
        [pad([sequences[number] for number in batch], pad_id)[:2] for batch in planned],
        [
            [(row, 0, len(sequences[number]), int(number)) for row, number in enumerate(batch)]
            for batch in planned
        ],
    )


def mean_states(session: Session, given: Batches, count: int) -> np.ndarray:
    """Return (sequences, width): each one's states, meaned over its own tokens."""
    means: list[np.ndarray] = [np.zeros(0)] * count
    for (ids, mask), places in zip(given.inputs, given.places, strict=True):
        answer = session.run(ids, mask)
        for row, start, length, number in places:
            means[number] = answer[row, start : start + length].mean(axis=0)
    return np.stack(means)


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """Return the greatest 1 - cosine of any sequence."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(np.max(1 - (one * other).sum(axis=1) / lengths))


def run_through(session: Session, given: Batches, spent: Spent) -> None:
    with spent.timed():
        for ids, mask in given.inputs:
            session.run(ids, mask)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", default=["udpos", "xnli"])
    parser.add_argument("--languages", type=int, default=8)
    parser.add_argument("--sequences", type=int, default=128)
    parser.add_argument("--budgets", type=int, nargs="+", default=[512, 1024], help="tokens of a batch")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runtimes", nargs="+", default=["onnxruntime", "openvino"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    data = Data.open(DataSpec(str(arguments.data)))
    rows = []
    with quiet(), tempfile.TemporaryDirectory() as folder:
        models = made_models(arguments.base, Path(folder), arguments.threads)
        plain = models["fp32", PLAIN]
        encoder = TextEncoder(plain.file("tokenizer.json"))
        pad_id = int(read_json(plain.file("config.json"))["pad_token_id"])
        for name in arguments.tasks:
            sequences = real_sequences(data, name, encoder, arguments.languages, arguments.sequences)
            for budget in arguments.budgets:
                rows += contest(models, sequences, name, budget, pad_id, arguments)
    facts = machine_facts()
    head = ["lengths of", "tokens a batch", "model", "bound", "packed / like lengths", "as they come / like lengths",
            "1 - cosine: packed", "like lengths"]  # fmt: skip
    words = [{"--base": "MODEL", "--data": "XTREME", "--out": "FILE.md"}.get(last, word)
             for last, word in zip(["", *sys.argv[1:]], sys.argv[1:], strict=False)]  # fmt: skip
    command = shlex.join(["python", "tests/bench/packed_batches.py", *words])
    told = f"{facts['cpu']}, {arguments.threads} threads; {facts['python']}; {arguments.rounds} rounds."
    write(
        arguments.out,
        f"{table(head, rows)}\n\nExamples per second over those of like lengths. {told}\n\n```sh\n{command}\n```",
    )
    return 0


def contest(
    models: dict[tuple[str, str], Artifact], sequences: list[list[int]], name: str, budget: int, pad_id: int,
    arguments: argparse.Namespace,
) -> list[list[str]]:  # fmt: skip
    """Return the lines of the table for one task's lengths."""
    ways = {how: batches(sequences, how, budget, pad_id) for how in (LIKE, AS_THEY_COME, PACKED)}
    bound = ways[LIKE].tokens / sum(map(len, sequences))
    lines = []
    for runtime in arguments.runtimes:
        sessions = {
            key: RUNTIMES.load(runtime).open(model, arguments.threads) for key, model in models.items()
        }
        alone = Batches([pad([one], pad_id)[:2] for one in sequences],
                        [[(0, 0, len(one), number)] for number, one in enumerate(sequences)])  # fmt: skip
        exact = mean_states(sessions["fp32", PLAIN], alone, len(sequences))
        for precision in ("fp32", "int8"):
            used = {how: sessions[precision, PACKS if how == PACKED else PLAIN] for how in ways}
            off = {
                how: apart(mean_states(used[how], given, len(sequences)), exact)
                for how, given in ways.items()
            }
            spent = interleaved(
                {how: partial(run_through, used[how], ways[how]) for how in ways}, arguments.rounds
            )
            gains = [f"{1 / ratio(spent[how].wall, spent[LIKE].wall):.2f}" for how in (PACKED, AS_THEY_COME)]
            lines.append([name, str(budget), f"{precision}, {runtime}", f"{bound:.2f}", *gains,
                          *(f"{off[how]:.1e}" for how in (PACKED, LIKE))])  # fmt: skip
        for session in sessions.values():
            session.close()
    return lines


if __name__ == "__main__":
    sys.exit(main())
