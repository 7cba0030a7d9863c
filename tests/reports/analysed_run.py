"""A made-up run with everything that a page can show, and its report with the analysis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.pipelines.made_up_run import write_run
from xpareto.eval.analyses.documents.summary import Summary
from xpareto.eval.analyses.documents.summary_file import analysis_of, read_analysis
from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import RunSummary, summarize
from xpareto.pipelines.runs.report import write_analysis
from xpareto.reports.formats.all_forms import build

RESAMPLES = 200
EXPORT = {"step": "export_onnx", "label": "onnx", "version": 1, "fields": {"opset": 20}}
INT8 = {"step": "quantize_dynamic", "label": "int8", "version": 1, "fields": {}}


def _truth(arm: str, task: str, seed: int) -> float:
    return 70.0 + 6.0 * (arm == "english") + seed


def analysed_run(folder: Path, **options: Any) -> Path:
    """Write a run with predictions, parts of size and time, steps by stage, and the work behind them."""
    run = write_run(folder, _truth, **({"seeds": (0, 1), "repeats": 3, "steps": {"english": 100}} | options))
    file = folder / "candidates.json"
    listing = json.loads(file.read_text(encoding="utf-8"))
    made: dict[str, Any] = {
        "base": {"step": "base", "label": "base", "parent": None, "seconds": 1.0, "cpu_seconds": 2.0}
    }
    rows: list[Measurement] = []
    for own in listing["candidates"]:
        added = {"fp32": [], "onnx": [EXPORT], "int8": [EXPORT, INT8]}[own["stage"]]
        parent = "base"
        own["steps"] = own["steps"] + added
        for number, step in enumerate(own["steps"]):
            key = f"{own['arm']}{own['seed']}{step['label']}{number}"
            made[key] = {"step": step["step"], "label": step["label"], "parent": parent,
                         "seconds": 50.0 / (1 + number), "cpu_seconds": 90.0 / (1 + number)}  # fmt: skip
            parent = key
        own["keys"] = {"mnli": parent}
        rows += _rows(
            own["name"], [code for facts in listing["tasks"].values() for code in facts["languages"]]
        )
    listing["made"] = made
    file.write_text(json.dumps(listing), encoding="utf-8")
    append_rows(run.rows_file, rows)
    for stored in folder.glob("outcomes/*/accuracy-*.npz"):
        with np.load(stored) as found:
            kept = {code: found[code][:, 0].tolist() for code in found.files if code != "columns"}
        target = folder / "predictions" / stored.parent.name / stored.with_suffix(".json").name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(kept))
    _outputs(folder, [own["name"] for own in listing["candidates"]])
    return folder


def _outputs(folder: Path, names: list[str]) -> None:
    """Keep vectors of Tatoeba and logits of XNLI: each candidate's, turned a little from the first one's."""
    rng = np.random.default_rng(0)
    states, logits = rng.normal(size=(40, 8)), rng.normal(size=(30, 3))
    for at, name in enumerate(names):
        target = folder / "outcomes" / name.replace("/", "__")
        if not target.is_dir():
            continue
        arrays = {}
        for place, code in enumerate(("de", "sw", "en")):
            moved = states + 0.02 * at * (1 + place) * rng.normal(size=states.shape)
            norms = np.linalg.norm(moved, axis=1, keepdims=True)
            arrays |= {
                code: (moved / norms).astype(np.float16),
                f"norms:{code}": norms[:, 0].astype(np.float32),
            }
            if code != "en":
                arrays[f"nearest:{code}"] = np.where(np.arange(50) < at, 1, 0)
        np.savez_compressed(target / "accuracy-0-tatoeba-vectors.npz", **arrays)
        said = {"en": logits + 0.1 * at * rng.normal(size=logits.shape)}
        np.savez_compressed(target / "accuracy-0-xnli-logits.npz", **said)


def _rows(name: str, languages: list[str]) -> Iterator[Measurement]:
    for part, value in (("embeddings", 6e8), ("encoder", 3.9e8), ("head", 1e7), ("tokenizer", 1e7)):
        yield Measurement("r", name, "size", "size", value, "bytes", component=part, artifact="a")
    yield Measurement("r", name, "tokenization", "tokenization", 0.4, "ms", task="xnli",
                      component="mean over languages", basis="measured")  # fmt: skip
    for place, code in enumerate(dict.fromkeys(languages)):
        yield Measurement("r", name, "latency", "latency_by_language", 5.0 + place, "ms", task="xnli",
                          language=code, component="p50", basis="measured")  # fmt: skip
    yield Measurement(
        "r", name, "shapes", "latency_at_shape", 9.0, "ms", component="1x16 p50", basis="measured"
    )
    for part, value in (("cpu", 1.5), ("ram", 0.5), ("total", 2.0)):
        yield Measurement("r", name, "energy", "energy", value, "J", task="xnli", component=part,
                          basis="modelled")  # fmt: skip


def reported(run: Path, out: Path) -> Path:
    """Write analysis and report of a run; return the page."""
    write_analysis([run], out, RESAMPLES)
    return build([run], out)[0]


def read(run: Path, out: Path) -> tuple[RunSummary, Summary]:
    """Return what the page of a reported run is a function of."""
    found = summarize(read_runs([run]))
    analysis = analysis_of(found.run, read_analysis(out))
    assert isinstance(analysis, Summary)
    return found, analysis


def document_of(summary: Summary) -> dict[str, Any]:
    """Return the summary as it stands in its file."""
    return json.loads(summary.as_json())


def changed(shown: tuple[RunSummary, Summary], **facts: Any) -> Summary:
    """Return the summary with other fields, as they would stand in its file."""
    return Summary.model_validate({**document_of(shown[1]), **facts})
