"""Our post-processing of question answering against the transformers example script's, on equal logits.

    python tests/bench/qa_answers.py [--questions N] [--rounds N] [--seed N] [--json FILE]

The peer is the algorithm of `postprocess_qa_predictions` in utils_qa.py of transformers'
examples/pytorch/question-answering (n-best 20, longest answer 30, token_is_max_context given), written
out below without its progress bar and files: it still builds its n-best list with probabilities, as the
script does. Both get the same windows of random lengths and the same random logits, which peak at one
span per question, and must give the same answers before anything is timed, for sets with and without
unanswerable questions. Ours is timed from the padded logits of batches (reduce) to the texts (predict).
Rounds are interleaved A B B A; the ratio is of the medians.
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.eval.encoding.qa_answers import best_answers, n_best
from xpareto.eval.encoding.qa_windows import Windows, cut
from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.kinds.span import KIND
from xpareto.eval.probing.batches import plan_batches

EMPTY = np.zeros((0, 2), np.float32)
LEAD, ROOM, STRIDE = 20, 364, 128  # <s> question </s></s>: a question of 17 tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found = {}
    for unanswerable in (False, True):
        found["SQuAD 2.0" if unanswerable else "SQuAD 1.1"] = compare(arguments, unanswerable)
    print(f"{'rules':12}{'windows':>9}{'ours, s':>10}{'theirs, s':>11}{'ratio':>8}")
    for name, row in found.items():
        ratio = row["theirs_s"] / row["ours_s"]
        print(f"{name:12}{row['windows']:>9}{row['ours_s']:>10.3f}{row['theirs_s']:>11.3f}{ratio:>8.1f}")
    print("target: at least 5; the answers are equal")
    if arguments.json:
        text = json.dumps({"rules": found, "machine": machine_facts()}, indent=1)
        arguments.json.write_text(text + "\n")


def compare(arguments: argparse.Namespace, unanswerable: bool) -> dict[str, float]:
    windows, owners, logits = make(arguments.questions, arguments.seed, unanswerable)
    lengths = np.array([len(rows) for rows in logits])
    batches = []
    for index in plan_batches(lengths):
        padded = np.zeros((len(index), int(lengths[index].max()), 2), np.float32)
        for row, at in zip(padded, index, strict=True):
            row[: lengths[at]] = logits[at]
        batches.append((index, padded))
    examples, features = as_the_script_has_them(windows, owners, lengths)
    starts = [rows[:, 0].copy() for rows in logits]
    ends = [rows[:, 1].copy() for rows in logits]

    def ours() -> list[str]:
        kept: list[np.ndarray] = [EMPTY] * len(logits)
        for index, padded in batches:
            for at, rows in zip(index, KIND.reduce(padded, lengths[index]), strict=True):
                kept[at] = rows
        return best_answers(windows, owners, n_best(kept))

    def theirs() -> list[str]:
        return list(postprocess(examples, features, (starts, ends), unanswerable).values())

    answers = ours()
    assert answers == theirs(), "the answers differ"
    assert not unanswerable or "" in answers
    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(arguments.rounds):
        order = [("ours", ours), ("theirs", theirs)]
        for name, run in (order, order[::-1])[turn % 2] + (order[::-1], order)[turn % 2]:
            start = time.perf_counter()
            run()
            took[name].append(time.perf_counter() - start)
    return {
        "questions": arguments.questions,
        "windows": len(logits),
        "ours_s": statistics.median(took["ours"]),
        "theirs_s": statistics.median(took["theirs"]),
    }


def make(questions: int, seed: int, unanswerable: bool) -> tuple[Windows, np.ndarray, list[np.ndarray]]:
    """Return windows on contexts of 50 to 900 tokens, whose question each has, and logits (length, 2)."""
    random = np.random.default_rng(seed)
    logits, owners, shift, base, can_start, can_end, offsets, contexts = [], [], [], [0], [], [], [], []
    first = 0
    for owner in range(questions):
        tokens = int(random.choice([random.integers(50, 350), random.integers(350, 900)], p=[0.8, 0.2]))
        words = ["".join(random.choice(list("abcdefgh"), random.integers(1, 8))) for _ in range(tokens)]
        ends = np.cumsum([len(word) + 1 for word in words]) - 1
        offsets.append(np.stack([ends - [len(word) for word in words], ends], axis=1))
        contexts.append(" ".join(words))
        gold = int(random.integers(0, tokens - 3))
        for start, best in cut(tokens, ROOM, STRIDE):
            shown = len(best)
            row = random.normal(size=(LEAD + shown + 1, 2)).astype(np.float32)
            if start <= gold and gold + 2 < start + shown:
                row[LEAD + gold - start, 0] += 5
                row[LEAD + gold + 2 - start, 1] += 5
            if unanswerable and owner % 2:
                row[0] += 8
            inside = np.zeros(len(row), bool)
            inside[LEAD : LEAD + shown] = True
            begin = inside.copy()
            begin[LEAD : LEAD + shown] = best
            can_start.append(begin)
            can_end.append(inside)
            logits.append(row)
            owners.append(owner)
            shift.append(first + start - LEAD)
            base.append(base[-1] + len(row))
        first += tokens
    return (
        Windows(
            np.array(shift),
            np.array(base[:-1]),
            np.concatenate(can_start),
            np.concatenate(can_end),
            np.concatenate(offsets).astype(np.int32),
            tuple(contexts),
            unanswerable,
        ),
        np.array(owners),
        logits,
    )


def as_the_script_has_them(
    windows: Windows, owners: np.ndarray, lengths: np.ndarray
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return examples and features: offsets per token, None outside the context; max context by position."""
    examples = [{"id": str(number), "context": text} for number, text in enumerate(windows.contexts)]
    features = []
    for at, owner, shift, length in zip(windows.base, owners, windows.shift, lengths, strict=True):
        inside = windows.can_end[at : at + length]
        mapping = [tuple(windows.offsets[shift + p].tolist()) if inside[p] else None for p in range(length)]
        best = {str(p): bool(windows.can_start[at + p]) for p in range(length) if inside[p]}
        features.append({"example_id": str(owner), "offset_mapping": mapping, "token_is_max_context": best})
    return examples, features


def postprocess(
    examples: Sequence[Mapping[str, Any]],
    features: Sequence[Mapping[str, Any]],
    predictions: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    negative: bool,
    n_best_size: int = 20,
    max_answer_length: int = 30,
    null_score_diff_threshold: float = 0.0,
) -> dict[str, str]:
    """Return id -> answer by the algorithm of the example script, loop for loop."""
    all_starts, all_ends = predictions
    place = {example["id"]: number for number, example in enumerate(examples)}
    of_example = collections.defaultdict(list)
    for number, feature in enumerate(features):
        of_example[place[feature["example_id"]]].append(number)
    answers: dict[str, str] = {}
    for number, example in enumerate(examples):
        null: dict[str, Any] | None = None
        found: list[dict[str, Any]] = []
        for index in of_example[number]:
            starts, ends = all_starts[index], all_ends[index]
            mapping = features[index]["offset_mapping"]
            max_context = features[index].get("token_is_max_context")
            null_score = starts[0] + ends[0]
            if null is None or null["score"] > null_score:
                null = {"offsets": (0, 0), "score": null_score, "start": starts[0], "end": ends[0]}
            best_starts = np.argsort(starts)[-1 : -n_best_size - 1 : -1].tolist()
            best_ends = np.argsort(ends)[-1 : -n_best_size - 1 : -1].tolist()
            for start in best_starts:
                for end in best_ends:
                    if start >= len(mapping) or end >= len(mapping):
                        continue
                    if mapping[start] is None or mapping[end] is None:
                        continue
                    if end < start or end - start + 1 > max_answer_length:
                        continue
                    if max_context is not None and not max_context.get(str(start), False):
                        continue
                    found.append(
                        {
                            "offsets": (mapping[start][0], mapping[end][1]),
                            "score": starts[start] + ends[end],
                            "start": starts[start],
                            "end": ends[end],
                        }
                    )
        assert null is not None
        if negative:
            found.append(null)
        best = sorted(found, key=lambda one: one["score"], reverse=True)[:n_best_size]
        if negative and not any(one["offsets"] == (0, 0) for one in best):
            best.append(null)
        for one in best:
            first, last = one.pop("offsets")
            one["text"] = example["context"][first:last]
        if not best or (len(best) == 1 and best[0]["text"] == ""):
            best.insert(0, {"text": "empty", "start": 0.0, "end": 0.0, "score": 0.0})
        null_score = null["score"]
        scores = np.array([one["score"] for one in best])
        powers = np.exp(scores - np.max(scores))
        for probability, one in zip(powers / powers.sum(), best, strict=True):
            one["probability"] = probability
        if not negative:
            answers[example["id"]] = best[0]["text"]
            continue
        first_text = next(one for one in best if one["text"])
        difference = null_score - first_text["start"] - first_text["end"]
        answers[example["id"]] = "" if difference > null_score_diff_threshold else first_text["text"]
    return answers


if __name__ == "__main__":
    main()
