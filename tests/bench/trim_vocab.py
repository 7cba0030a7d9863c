"""Trim XLM-R base (random weights) to 60,000 pieces, against the package vocabtrimmer on the same text.

    python tests/bench/trim_vocab.py --env DIR [--rounds 2] [--pieces 60000]
    python tests/bench/trim_vocab.py            # without the other package

vocabtrimmer (Ushio et al. 2023) needs transformers 4, so it lives in an environment of its own: --env
names it, and it is made there when missing. Both read the same checkpoint and the same lines, count
pieces, keep the most frequent ones, and write model and tokenizer. Each turn is a fresh process, in the
order A B B A; times leave imports out, CPU times are told with and without them. Ours includes its audit of
each language, which the other has not; `stages` tells the CPU time of each part of ours, so that the audit can
be taken off. Before any time is told, texts whose
pieces both keep must get the outputs of the whole model. Exit code 1 where one differs, or where ours
takes over a minute.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from environments import make_environment

PACKAGES = (
    "torch==2.13.0", "transformers==4.49.0", "huggingface-hub==0.29.3", "datasets==3.6.0", "vocabtrimmer==0.0.2",
)  # fmt: skip
SECONDS_LIMIT = 60.0
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
LINES, WORDS, USED = 40_000, 20, 120_000
AS_IT_COMES = 0  # pieces: as many as vocabtrimmer keeps by default

THEIRS = """
import sys, time
from vocabtrimmer import VocabTrimmer
source, text, target, pieces = sys.argv[1:]
chosen = {"target_vocab_size": int(pieces), "min_frequency": 1} if int(pieces) else {}
start, used = time.perf_counter(), time.process_time()
VocabTrimmer(source).trim_vocab(
    language="x", path_to_save=target, dataset=text, dataset_split="train", **chosen, overwrite=True,
    cache_file_vocab=target + ".vocab.json", cache_file_frequency=target + ".frequency.json")
print("SECONDS", time.perf_counter() - start)
print("CPU", time.process_time() - used)
"""


def make_source(folder: Path, layers: int, vocab: int) -> None:
    """Seal an XLM-R base with random weights and a tokenizer of made-up words as a torch artifact."""
    import torch
    import transformers

    from xpareto.compress.core.artifact import Manifest, seal
    from xpareto.compress.data.tokenizer_files import write_tokenizer_config

    labels = ("entailment", "neutral", "contradiction")
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=vocab, num_hidden_layers=layers, max_position_embeddings=514, type_vocab_size=1,
        layer_norm_eps=1e-5, id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )  # fmt: skip
    transformers.XLMRobertaForSequenceClassification(config).save_pretrained(folder)
    write_tokenizer_config(folder)
    write_tokenizer(folder / "tokenizer.json", vocab)
    seal(folder, Manifest(files={}, format="torch", head="classification", labels=labels))


def write_tokenizer(file: Path, vocab: int) -> None:
    """Write a Unigram tokenizer of distinct made-up words, the more frequent ones first."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    letters = [chr(97 + at) for at in range(26)]
    size = vocab - len(SPECIAL) - 2 - len(letters)
    words = made_up_words(size)
    scores = -np.log(np.arange(2, size + 2)) - 3
    pieces = [("▁", -3.0), *((f"▁{word}", float(score)) for word, score in zip(words, scores, strict=True))]
    pieces += [(letter, -20.0) for letter in letters]
    tokenizer = Tokenizer(
        models.Unigram([*((name, 0.0) for name in SPECIAL), *pieces, ("<mask>", 0.0)], unk_id=3)
    )
    tokenizer.normalizer = normalizers.NFKC()
    marked = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marked])
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens([*SPECIAL, "<mask>"])
    tokenizer.save(str(file))


def made_up_words(size: int) -> list[str]:
    """Return so many distinct words of three to eight letters."""
    random = np.random.default_rng(0)
    found: dict[str, None] = {}
    while len(found) < size:
        lengths = random.integers(3, 9, size)
        text = "".join(map(chr, random.integers(97, 123, int(lengths.sum()))))
        ends = np.cumsum(lengths)
        found |= dict.fromkeys(text[end - length : end] for end, length in zip(ends, lengths, strict=True))
    return list(found)[:size]


def write_text(file: Path, vocab: int) -> list[str]:
    """Write lines of made-up words, each word as often as its rank asks (Zipf); return the lines."""
    random = np.random.default_rng(1)
    words = made_up_words(vocab - len(SPECIAL) - 2 - 26)[:USED]
    shares = 1 / (np.arange(len(words)) + 10)
    drawn = random.choice(len(words), (LINES, WORDS), p=shares / shares.sum())
    lines = [" ".join(words[at] for at in row) for row in drawn]
    file.write_text("\n".join(lines) + "\n")
    return lines


def ours(source: str, text: str, target: str, pieces: str) -> None:
    """Trim in this process, and tell the seconds."""
    import torch  # noqa: F401  imports are not timed, here as there
    import transformers  # noqa: F401

    from xpareto.compress.core.artifact import Artifact
    from xpareto.compress.core.step import Context
    from xpareto.compress.steps.trim_vocab import STEP

    class DataProvider:
        def text(self, name: str) -> Mapping[str, Sequence[str]]:
            return {"x": Path(text, "train.txt").read_text().splitlines()}

    Path(target).mkdir()
    marks: list[tuple[str, float]] = []
    start, used = time.perf_counter(), time.process_time()
    step = STEP(text="words", pieces=int(pieces), characters="none")
    progress = lambda _, __, what: marks.append((what, time.process_time()))  # noqa: E731
    context = Context(DataProvider(), 0, 2, Path(target), progress)  # type: ignore[arg-type]
    step.apply(Artifact.open(Path(source)), Path(target), context)
    print("SECONDS", time.perf_counter() - start)
    print("CPU", time.process_time() - used)
    ends = [at for _, at in marks[1:]]
    stages = {what: round(end - at, 2) for (what, at), end in zip(marks, ends, strict=False)}
    print("STAGES", json.dumps(stages))


def turn(command: Sequence[str | Path]) -> dict[str, Any]:
    """Run a contestant in a process of its own; return the seconds it took, and those of its CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise SystemExit(answer.stderr[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    told = dict(line.split(" ", 1) for line in answer.stdout.splitlines() if line.split(" ")[0].isupper())
    return {
        "seconds": round(float(told["SECONDS"]), 2),
        "cpu_seconds": round(float(told["CPU"]), 2),
        "cpu_seconds_with_imports": round(cpu, 1),
        "stages": json.loads(told.get("STAGES", "{}")),
    }


def compare(whole: Path, folders: Mapping[str, Path], lines: Sequence[str]) -> dict[str, Any]:
    """Return, for texts whose pieces all contestants keep, the greatest difference from the whole model."""
    import torch
    import transformers
    from tokenizers import Tokenizer

    tokenizers = {
        name: Tokenizer.from_file(str(folder / "tokenizer.json"))
        for name, folder in {"": whole, **folders}.items()
    }
    kept = set.intersection(*(set(one.get_vocab()) for one in tokenizers.values()))
    rows = [one.tokens for one in tokenizers[""].encode_batch(list(lines))]
    same = [(line, row) for line, row in zip(lines, rows, strict=True) if set(row) <= kept][:200]
    texts = [line for line, _ in same]
    if not texts:
        raise SystemExit("No text has only pieces that all contestants keep.")

    def outputs(folder: Path, tokenizer: Any) -> np.ndarray:
        model = transformers.XLMRobertaForSequenceClassification.from_pretrained(folder).eval()
        ids = torch.tensor([one.ids for one in tokenizer.encode_batch(texts)])
        with torch.inference_mode():
            return np.asarray(model(input_ids=ids, output_hidden_states=True).hidden_states[-1])

    expected = outputs(whole, tokenizers[""])
    found: dict[str, Any] = {"texts_compared": len(texts)}
    for name, folder in folders.items():
        if [one.tokens for one in tokenizers[name].encode_batch(texts)] != [row for _, row in same]:
            raise SystemExit(f"{name}: texts of kept pieces are split otherwise than before.")
        found[name] = {
            "max_abs_diff": float(np.abs(outputs(folder, tokenizers[name]) - expected).max()),
            "pieces": tokenizers[name].get_vocab_size(),
            "bytes": sum(file.stat().st_size for file in folder.iterdir()),
        }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--env", type=Path, help="environment of vocabtrimmer, to make or use")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--pieces", type=int, default=60_000)
    parser.add_argument("--vocab", type=int, default=250_002)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--ours", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        ours(*arguments.ours)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole, text = folder / "whole", folder / "text"
        make_source(whole, arguments.layers, arguments.vocab)
        text.mkdir()
        lines = write_text(text / "train.txt", arguments.vocab)
        contestants: dict[str, list[str | Path]] = {
            "xpareto": [sys.executable, "-W", "ignore", __file__, "--ours"],
        }
        if arguments.env is not None:
            python = make_environment(arguments.env, PACKAGES, "vocabtrimmer")
            contestants["vocabtrimmer"] = [python, "-I", "-W", "ignore", "-c", THEIRS]
        turns: dict[str, list[dict[str, Any]]] = {name: [] for name in contestants}
        made: dict[str, Path] = {}
        for round_ in range(arguments.rounds):
            names = list(contestants)
            for name in names if round_ % 2 == 0 else names[::-1]:
                made[name] = folder / f"{name}-{round_}"
                command = [*contestants[name], whole, text, made[name], str(arguments.pieces)]
                turns[name].append(turn(command))
                print(f"{name}: {turns[name][-1]}", file=sys.stderr, flush=True)
        found = compare(whole, made, lines)
    found["turns"] = turns
    least = {
        part: {name: min(one[part] for one in own) for name, own in turns.items()}
        for part in ("seconds", "cpu_seconds")
    }
    if "vocabtrimmer" in turns:
        found["ratio"] = {part: round(own["vocabtrimmer"] / own["xpareto"], 2) for part, own in least.items()}
    print(json.dumps(found, indent=1))
    equal = found["xpareto"]["max_abs_diff"] == 0.0
    return 0 if equal and least["seconds"]["xpareto"] <= SECONDS_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
