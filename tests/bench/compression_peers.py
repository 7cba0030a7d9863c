"""Our compression against what other tools make of the same model, data and machine: score, size and latency.

    python tests/bench/compression_peers.py --base DIR --data DIR [--languages de hi tr zh] [--limit 300] [--updates 60]
        [--only dynamic static trim distill] [--envs DIR] [--models DIR] [--out FILE.md]

With --models, a run that was ended goes on from the models that it had made; give it the same options.

--base is a checkpoint that `xpareto run --base` takes; every contestant starts from its bare encoder as plain XLM-R.
--data holds xtreme/tatoeba, text/parallel and text/mono. Held against each other are

dynamic: quantize_dynamic, and optimum-onnx's ORTQuantizer (its command line) on its own export and on ours
static: quantize_static, without and with smooth_quant, onnxruntime's quantize_static on all operators and on those
    that hold weights, and NNCF on OpenVINO, all on our export and the same --calibration sentences
trim: trim_vocab at a coverage of 0.999 and with as many pieces as vocabtrimmer keeps, and vocabtrimmer, on the same
    English and Portuguese text
distill: a student of half the layers that learns relations in our step, and in a loop of plain PyTorch
    (`plain_distillation.py`), with equal first weights, updates, batches and rates

optimum-onnx, NNCF and vocabtrimmer have environments of their own below --envs, made when missing (2 GB; where pip
would take a torch with CUDA, set PIP_INDEX_URL to PyTorch's index of CPU builds, and PIP_EXTRA_INDEX_URL to PyPI).
onnxruntime's quantizer is that of this environment. A tool that cannot be installed, or does not load the model, has
the first line of its error in place of figures. vocabtrimmer takes no bare encoder: it gets this one with an untrained
head of classes, which is left out again.

The score is Tatoeba's accuracy by the cosine of mean-pooled last hidden states, over the first --limit pairs of each
of --languages (of trim: pt), computed by the same code for all. Differences are theirs less ours, with a paired
bootstrap interval of 95 % over sentences. Bytes are those of the files that are needed to run, tokenizer apart.
Latency is that of single sentences of the same test sets, one process each, the others stopped (contest.py), in the
same engine unless the table says otherwise; ratios are paired by round, with their extremes. Contestants are held
against the first row of their part, but what runs on OpenVINO against ours there. The exit code is 0 whatever the
table says, 1 where one of ours has no figures.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
import traceback
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from compression_contestants import KEPT_LANGUAGES, PARTS, PYTHONS, Bench, Model, longest
from contest import Contestant, Entrant, Turns, hold
from contestant import ENGINES
from environments import first_line, versions
from interleaved import table, write

from xpareto.compress.core import MANIFEST, Artifact, InputError, Manifest, quiet, seal
from xpareto.compress.models import import_checkpoint, load_model, save_model
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.encoding import TextEncoder
from xpareto.eval.hardware import machine_facts
from xpareto.eval.kinds.retrieve import KIND
from xpareto.eval.probing import pad, run_all
from xpareto.eval.runtimes import Session
from xpareto.eval.statistics.bootstrap import draw_scores, generator
from xpareto.eval.tasks import Task, task

DRAWS, TIMED_SENTENCES, WORKLOAD = 10_000, 16, "sentences"
TATOEBA, PAD = task("tatoeba"), 1


@dataclass
class Row:
    """A contestant in the table; `reason` where there is no model to measure."""

    name: str
    model: Model | None = None
    outcomes: dict[str, np.ndarray] = field(default_factory=dict)  # by language: (pairs, 2)
    reason: str = ""


class Opened(Session):
    """An engine's model, as evaluation calls it."""

    def __init__(self, call: Callable[[np.ndarray, np.ndarray], Any]) -> None:
        self._call = call

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        return np.asarray(self._call(input_ids, attention_mask), np.float32)


def scored(bench: Bench, model: Model, languages: Sequence[str]) -> dict[str, np.ndarray]:
    """Return by language which pairs a model finds: (pairs, 2), correct and counted."""
    with quiet():
        session = Opened(ENGINES[model.engine](model.folder, bench.arguments.threads))
    encoder, wanted, found = TextEncoder(model.tokenizer), fitting(bench), {}
    for language in languages:
        examples = bench.data.examples(TATOEBA, language, "test", bench.arguments.limit)
        encoded = KIND.encode(examples, encoder, wanted)
        predictions = KIND.predict(encoded, run_all(session, encoded.input_ids, KIND.reduce, pad_id=PAD))
        found[language] = KIND.outcomes(examples, predictions, TATOEBA, language)
    return found


def fitting(bench: Bench) -> Task:
    return replace(TATOEBA, max_length=min(TATOEBA.max_length, longest(bench.base)))


def timed(bench: Bench, part: str, rows: Sequence[Row], languages: Sequence[str]) -> Turns:
    """Time single sentences, in the tokens of each model's own tokenizer."""
    each = -(-TIMED_SENTENCES // (2 * len(languages)))
    entrants = {}
    for number, row in enumerate(rows):
        assert row.model is not None
        inputs, encoder = bench.folder / f"{part}-{number}.npz", TextEncoder(row.model.tokenizer)
        sentences = [
            ids
            for language in languages
            for ids in KIND.encode(
                bench.data.examples(TATOEBA, language, "test", each), encoder, fitting(bench)
            ).input_ids
        ]
        arrays = {}
        for at, ids in enumerate(sentences[:TIMED_SENTENCES]):
            batch, mask, _ = pad([ids], PAD)
            arrays |= {f"{WORKLOAD}/{at:03d}/ids": batch, f"{WORKLOAD}/{at:03d}/mask": mask}
        np.savez(inputs, allow_pickle=False, **arrays)
        entrants[row.name] = (Entrant(row.name, row.model.engine, row.model.folder, ""), inputs)
    contestants: dict[str, Contestant] = {}
    asked = bench.arguments
    try:
        for name, (entrant, inputs) in entrants.items():
            contestants[name] = Contestant(entrant, inputs, asked.threads)
        return hold(contestants, {WORKLOAD: asked.calls}, asked.rounds, asked.threads, 0, asked.retries)
    finally:
        for contestant in contestants.values():
            contestant.close()


def difference(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> str:
    """Return the difference of two mean accuracies, theirs less ours, with its paired bootstrap interval."""
    points, draws = [], []
    for language, outcomes in ours.items():
        both = np.stack([outcomes, theirs[language]])
        scores = accuracy(both.sum(axis=1))
        points.append(scores[1] - scores[0])
        drawn = draw_scores(both, accuracy, generator(0, language), DRAWS)
        draws.append(drawn[1] - drawn[0])
    low, high = np.quantile(np.mean(draws, axis=0), (0.025, 0.975))
    return f"{np.mean(points):+.1f} ({low:+.1f} to {high:+.1f})"


def accuracy(totals: np.ndarray) -> np.ndarray:
    return KIND.metrics(totals)["accuracy"]


def contest(bench: Bench, part: str) -> tuple[list[Row], list[list[str]]]:
    """Make, score and time the contestants of a part; return them, and their lines of the table."""
    languages = KEPT_LANGUAGES[1:] if part == "trim" else bench.arguments.languages
    rows = [made(bench, part, number, name, languages) for number, name in enumerate(PARTS[part])]
    running = [row for row in rows if row.model is not None]
    turns = timed(bench, part, running, languages) if running else Turns()
    return rows, [line(part, row, reference(row, rows), turns) for row in rows]


def made(bench: Bench, part: str, number: int, name: str, languages: Sequence[str]) -> Row:
    """Make and score a contestant; what goes wrong, in ours too, is the reason in its row."""
    print(f"{part}: {name}", file=sys.stderr, flush=True)
    try:
        model = bench.made(f"{part}-{number}", PARTS[part][name])
        return Row(name, model, scored(bench, model, languages))
    except (Exception, SystemExit) as error:  # whatever another tool's model does, the others are measured
        said = (
            str(error) if isinstance(error, (SystemExit, InputError)) else first_line(traceback.format_exc())
        )
        for place in (bench.folder, bench.envs.absolute()):  # no page should name this machine's folders
            said = said.replace(f"{place}/", "")
        return Row(name, reason=" ".join(said.splitlines()[:1]))


def reference(row: Row, rows: Sequence[Row]) -> Row | None:
    """Return which of ours a contestant is held against: the first in its engine, where there is one."""
    ours = [one for one in rows if one.name.startswith("ours") and one.model is not None]
    same = [one for one in ours if row.model is not None and one.model.engine == row.model.engine]
    return next((one for one in (*same[:1], *ours[:1]) if one is not row), None)


def line(part: str, row: Row, ours: Row | None, turns: Turns) -> list[str]:
    """Return a contestant's cells."""
    if row.model is None:
        return [part, row.name, *[""] * 5, row.reason.replace("|", "\\|")]
    each = {language: float(accuracy(found.sum(axis=0))) for language, found in row.outcomes.items()}
    said = " ".join(f"{language} {value:.1f}" for language, value in each.items())
    milliseconds = turns.median(row.name, WORKLOAD) / TIMED_SENTENCES
    against, ratio = "", ""
    if ours is not None:
        ratios = turns.ratios(row.name, ours.name, WORKLOAD)
        against = difference(ours.outcomes, row.outcomes)
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    score = f"{statistics.mean(each.values()):.1f} ({said})" if len(each) > 1 else said
    size = f"{row.model.bytes / 1e6:.1f}"
    return [part, row.name, score, against, size, f"{milliseconds:.2f}", ratio, row.model.note]


def opened(arguments: Namespace, folder: Path) -> Bench:
    """Return the bench in a folder, with the base's bare encoder as plain XLM-R."""
    imported, encoder = folder / "imported", folder / "base"
    if not (encoder / MANIFEST).is_file():
        import_checkpoint(arguments.base, imported)
        save_model(load_model(imported, "encoder"), imported, encoder)
        seal(encoder, Manifest({}, "torch", "encoder", training_set="encoder", step="base"))
    base = Artifact.open(encoder)
    envs = arguments.envs or folder / "envs"
    bench = Bench(folder, envs, base, Data.open(DataSpec(str(arguments.data))), arguments)
    there = bench.data.languages(TATOEBA)
    wanted = [*arguments.languages, *(KEPT_LANGUAGES[1:] if "trim" in arguments.only else ())]
    missing = [language for language in wanted if language not in there]
    if missing:
        raise InputError(f"{arguments.data}: expected Tatoeba in {missing}, found it in {list(there)}.")
    return bench


def facts(bench: Bench) -> str:
    """Return what a reader needs to repeat the table."""
    told = machine_facts()
    lines = [f"{told['cpu']}, {bench.arguments.threads} threads; {told['python']}"]
    here = versions(Path(sys.executable), ("torch", "transformers", "onnxruntime", "openvino"))
    lines += [", ".join(f"{name} {number}" for name, number in here.items())]
    for part in bench.arguments.only:
        name, packages = PYTHONS.get(part, ("", ()))
        python = bench.envs / name / "bin" / "python"
        if packages and python.is_file():
            names = [*(package.split("==")[0] for package in packages), "transformers"]
            lines += [f"{name}'s: " + ", ".join(f"{one} {at}" for one, at in versions(python, names).items())]
    return "; ".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--languages", nargs="+", default=["de", "hi", "tr", "zh"])
    parser.add_argument("--limit", type=int, default=300, help="pairs of each language")
    parser.add_argument("--updates", type=int, default=60, help="of both distillations")
    parser.add_argument(
        "--calibration", type=int, default=128, help="sentences, in all languages of the text"
    )
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--envs", type=Path, help="folder of environments to make or use; none: for this run")
    parser.add_argument("--models", type=Path, help="folder to make models in; those that lie there are used")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument(
        "--calls", type=int, default=10, help=f"passes over {TIMED_SENTENCES} sentences a turn"
    )
    parser.add_argument("--retries", type=int, default=2, help="how often a disturbed turn is made again")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.models or Path(temporary)
        try:
            bench = opened(arguments, folder.absolute())
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
        found = [contest(bench, part) for part in arguments.only]
        told = facts(bench)
    head = ("part", "made by", "Tatoeba accuracy", "less ours, points", "MB", "ms", "time / ours", "")
    command = shlex.join(["python", "tests/bench/compression_peers.py", *portable(sys.argv[1:])])
    page = table(head, [cells for _, lines in found for cells in lines])
    write(arguments.out, f"{page}\n\n{told}\n\n```sh\n{command}\n```")
    return int(any(row.reason for rows, _ in found for row in rows if row.name.startswith("ours")))


def portable(words: Sequence[str]) -> list[str]:
    """Return the command line without this machine's folders."""
    folders = {
        "--base": "MODEL",
        "--data": "DATA",
        "--envs": "ENVIRONMENTS",
        "--models": "MODELS",
        "--out": "FILE.md",
    }
    return [folders.get(last, word) for last, word in zip(["", *words], words, strict=False)]


if __name__ == "__main__":
    sys.exit(main())
