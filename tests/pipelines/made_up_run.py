"""A made-up run whose truth is known: every model answers each example rightly with a given chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.eval.kinds._kind import Kind
from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.tasks import KINDS, task
from xpareto.pipelines.storage.run_folder import RunFolder

LANGUAGES = {"xnli": ("en", "de", "sw"), "udpos": ("en", "de"), "tatoeba": ("de", "sw")}
VARIANTS = {"fp32/torch": (20.0, 1e9, 0.0), "onnx/onnxruntime": (14.0, 1e9, 0.0),
            "int8/onnxruntime": (6.0, 3e8, -6.0)}  # fmt: skip
Truth = Callable[[str, str, int], float]  # (arm, task, seed) -> percent


def flat(arm: str, name: str, seed: int) -> float:
    return 70.0


def write_run(
    folder: Path,
    truth: Truth = flat,
    *,
    arms: tuple[str, ...] = ("none", "english"),
    seeds: tuple[int, ...] = (0, 1),
    examples: int = 300,
    chance: int = 0,
    steps: Mapping[str, int] | None = None,
    tasks: Mapping[str, tuple[str, ...]] = LANGUAGES,
    without: tuple[str, ...] = (),
    on: Mapping[str, Any] | None = None,
    split: str = "test",
    repeats: int = 1,
) -> RunFolder:
    """Write a run whose models answer each example rightly with the chance that `truth` gives.

    Each example has one difficulty that all models meet, as real ones do. Arms of `steps` make so many
    intermediate updates, on mnli unless `on` names something else.
    """
    rng = np.random.default_rng(chance)
    names, rows = [], []
    difficulty = {
        (name, language): rng.random(examples) for name, languages in tasks.items() for language in languages
    }
    for arm in arms:
        for seed in seeds:
            for variant, (latency, size, loss) in VARIANTS.items():
                stage, runtime = variant.split("/")
                seeded = f"/seed={seed}" if len(seeds) > 1 else ""
                candidate = f"{arm}/{stage}{seeded}/{runtime}"
                names.append(_candidate(candidate, arm, stage, runtime, seed, steps or {}, on or {}))
                if candidate in without:
                    continue
                for repeat in range(repeats):
                    jitter = rng.uniform(0.98, 1.02)
                    for part, factor in (("p50", 1.0), ("p95", 1.6)):
                        rows.append(Measurement("r", candidate, "latency", "latency", latency * jitter * factor,
                                                "ms", task="xnli", component=part, artifact="a",
                                                basis="measured", repeat=repeat))  # fmt: skip
                    rows.append(Measurement("r", candidate, "memory", "peak_rss", 2 * size * jitter, "bytes",
                                            artifact="a", basis="measured", repeat=repeat))  # fmt: skip
                rows.append(Measurement("r", candidate, "size", "size", size, "bytes", component="model",
                                        artifact="a"))  # fmt: skip
                for name, languages in tasks.items():
                    kept = {}
                    for language in languages:
                        right = (
                            difficulty[name, language] < (truth(arm, name, seed) + loss) / 100
                        ) ^ (rng.random(examples) < 0.05)  # fmt: skip
                        kept[language] = _outcomes(name, right, difficulty[name, language])
                        kind: Kind = KINDS.load(task(name).kind)
                        values = kind.metrics(kept[language].sum(axis=0))
                        for metric in task(name).metrics:
                            rows.append(Measurement("r", candidate, "accuracy", metric, float(values[metric]),
                                                    "percent", task=name, language=language,
                                                    examples=examples, artifact="a"))  # fmt: skip
                    target = folder / "outcomes" / candidate.replace("/", "__")
                    target.mkdir(parents=True, exist_ok=True)
                    columns = np.array(kind.columns)
                    np.savez_compressed(target / f"accuracy-0-{name}.npz", columns=columns, **kept)
    listing = {
        "schema": 1, "run": folder.name, "recipe": "made-up", "command": "xpareto run made-up",
        "synthetic": True, "data": "embedded", "base": "some-base", "objectives": ["score", "latency_ms", "size_bytes"],
        "tasks": {
            name: {"languages": list(codes), "missing": [], "metrics": list(task(name).metrics),
                   "scored_by": task(name).scored_by, "group": task(name).group, "limit": None, "split": split}
            for name, codes in tasks.items()
        },
        "baseline": names[0]["name"], "candidates": names,
    }  # fmt: skip
    (folder / "candidates.json").write_text(json.dumps(listing), encoding="utf-8")
    (folder / "plan.json").write_text('{"schema": 1}', encoding="utf-8")
    append_rows(folder / "measurements.jsonl", rows)
    return RunFolder(folder)


def _outcomes(name: str, right: np.ndarray, difficulty: np.ndarray) -> np.ndarray:
    if name == "bucc2018":  # every sentence has a translation, and the threshold keeps what is right
        whole = np.ones_like(right)
        return np.stack([right, right, whole, right, right], axis=1).astype(np.int64)
    if task(name).kind == "span":
        return np.stack(
            [right, np.where(right, 1.0, 0.3), np.where(right, 1.0, 0.3), np.ones(len(right))], axis=1
        )
    if task(name).kind != "tag":
        return np.stack([right, np.ones_like(right)], axis=1).astype(np.int64)
    tokens = 4 + (difficulty * 1000).astype(np.int64) % 7
    correct = np.where(right, tokens, tokens // 2)
    return np.stack([correct, tokens, tokens, correct, tokens], axis=1)


def _candidate(
    name: str,
    arm: str,
    stage: str,
    runtime: str,
    seed: int,
    steps: Mapping[str, int],
    on: Mapping[str, Any],
) -> dict[str, Any]:
    chain = [
        {
            "step": "train",
            "label": "target",
            "version": 1,
            "fields": {"on": "each", "epochs": 2.0, "batch_size": 8},
        }
    ]
    if arm in steps:
        fields = {"on": on.get(arm, "mnli"), "steps": steps[arm], "batch_size": 8, "epochs": 3.0}
        chain.insert(0, {"step": "train", "label": "intermediate", "version": 1, "fields": fields})
    return {"name": name, "arm": arm, "stage": stage, "runtime": runtime, "seed": seed, "settings": {},
            "steps": chain, "artifacts": {"mnli": "a"}, "made_seconds": 1.0}  # fmt: skip
