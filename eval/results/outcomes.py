"""The outcome of every test example of a run's candidates, as it was kept with the run."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.compress.core import InputError, load_json, read_file
from xpareto.eval.kinds import TUNING, Calibrated, Kind
from xpareto.eval.probes.accuracy import ASKED, LOGITS, VECTORS
from xpareto.eval.probing import NEAREST, NORMS
from xpareto.eval.results.document import TaskFacts
from xpareto.eval.results.run import Run
from xpareto.eval.statistics import ModelTuning, Vectors
from xpareto.eval.tasks import KINDS, Task

OUTCOMES, PREDICTIONS = "outcomes", "predictions"  # the folders of a run that hold them
CLOSE = 1e-6  # percentage points between a row's score and that of the outcomes beside it


def kept_folder(run: Path, kind: str, candidate: str) -> Path:
    """Return where a run keeps the outcomes or predictions of a candidate.

    >>> kept_folder(Path("r"), OUTCOMES, "none/fp32/torch").as_posix()
    'r/outcomes/none__fp32__torch'
    """
    return run / kind / candidate.replace("/", "__")


def kept_name(group: str, repeat: int, name: str) -> str:
    """Return the name of one kept file: of which group of probes and repeat it is."""
    return f"{group}-{repeat}-{name}"


def task_outcomes(
    folder: Path, run: Run, facts: TaskFacts, candidates: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return per language the outcomes (candidates, examples, columns) of one task.

    InputError when they were not kept, are damaged, or do not belong to the rows of the run.
    """
    declared = facts.task
    kind: Kind = KINDS.load(declared.kind)
    loaded = [_load(folder, name, facts, kind) for name in candidates]
    said = [_newest_scores(run, name, facts.name) for name in candidates]
    outcomes: dict[str, np.ndarray] = {}
    for language in facts.languages:
        arrays = []
        for name, by_language, scores in zip(candidates, loaded, said, strict=True):
            rows = by_language.get(language)
            if rows is None:
                raise InputError(
                    f"{kept_folder(folder, OUTCOMES, name)}: expected outcomes of {facts.name} in {language}, "
                    f"found none. Measure again: xpareto measure {shlex.quote(str(folder))} --probe accuracy"
                )
            _check(scores, name, declared, language, kind.metrics_of(rows), folder)
            arrays.append(rows)
        counts = sorted({array.shape[0] for array in arrays})
        if len(counts) > 1:
            raise InputError(
                f"{folder / OUTCOMES}: the candidates were tested on different numbers of examples of "
                f"{facts.name} in {language}: {', '.join(map(str, counts))}. Repeat the run."
            )
        outcomes[language] = np.stack(arrays).astype(np.float64)
    return outcomes


def task_tuning(
    folder: Path, facts: TaskFacts, candidates: Sequence[str], outcomes: Mapping[str, np.ndarray]
) -> dict[str, ModelTuning] | None:
    """Return per language what sets a threshold again in a draw; None where the task has no threshold.

    None, too, where a candidate was measured by a version that kept only what came of the threshold.
    InputError when what was kept does not belong to the `outcomes`.
    """
    kind: Kind = KINDS.load(facts.task.kind)
    if not isinstance(kind, Calibrated):
        return None
    files = [_newest(kept_folder(folder, OUTCOMES, name), f"{facts.name}-tuning") for name in candidates]
    if None in files:
        return None
    loaded = [_arrays(file, TUNING) for file in files if file is not None]
    tunings: dict[str, ModelTuning] = {}
    for language, counts in outcomes.items():
        tuning_rows, others = (
            [arrays[name] for arrays in loaded if name in arrays]
            for name in (language, f"{language}-calibration")
        )
        whole = [len(tuning_rows), len(others) or len(tuning_rows)] == [len(candidates)] * 2
        fits = whole and all(rows.shape[0] == counts.shape[1] for rows in tuning_rows)
        if not fits or len({rows.shape for rows in others}) > 1:
            raise InputError(
                f"{folder / OUTCOMES}: what set the threshold of {facts.name} in {language} does not "
                "belong to its outcomes: run the recipe again."
            )
        tunings[language] = ModelTuning(np.stack(tuning_rows), np.stack(others) if others else None)
    return tunings


def task_clusters(folder: Path, facts: TaskFacts, candidate: str) -> dict[str, np.ndarray] | None:
    """Return per language which question each example (examples,) is a version of; None where unknown.

    The questions are the run's, so that any one candidate tells them.
    """
    file = _newest(kept_folder(folder, OUTCOMES, candidate), facts.name)
    stored = stored_arrays(file) if file is not None else {}
    clusters = {code: stored[ASKED + code] for code in facts.languages if ASKED + code in stored}
    return clusters if len(clusters) == len(facts.languages) else None


def task_predictions(folder: Path, facts: TaskFacts, candidate: str) -> dict[str, list[Any]] | None:
    """Return a candidate's kept predictions of one task per language; None where they were not kept.

    InputError when they are damaged.
    """
    file = _newest(kept_folder(folder, PREDICTIONS, candidate), facts.name, "json")
    if file is None:
        return None
    try:
        predictions = load_json(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: expected predictions as JSON ({error}). Repeat the run.") from error
    if not isinstance(predictions, dict) or not all(
        isinstance(answers, list) for answers in predictions.values()
    ):
        raise InputError(f"{file}: expected a list of predictions per language. Repeat the run.")
    return predictions


def task_vectors(folder: Path, facts: TaskFacts, candidate: str) -> dict[str, Vectors]:
    """Return per language what was kept of a candidate's vectors; nothing where the task compares none.

    Nothing, too, where an older version measured. InputError where the file is damaged.
    """
    file = _newest(kept_folder(folder, OUTCOMES, candidate), f"{facts.name}-{VECTORS}")
    stored = stored_arrays(file) if file is not None else {}
    codes = {name.removeprefix(NEAREST).removeprefix(NORMS): None for name in stored}
    return {
        code: Vectors(stored.get(code), stored.get(NORMS + code), stored.get(NEAREST + code))
        for code in codes
    }


def task_logits(folder: Path, facts: TaskFacts, candidate: str) -> dict[str, np.ndarray]:
    """Return per language the logits (examples, labels) that were kept of a candidate, as `task_vectors` does."""
    file = _newest(kept_folder(folder, OUTCOMES, candidate), f"{facts.name}-{LOGITS}")
    return stored_arrays(file) if file is not None else {}


def same_predictions(
    models: Sequence[tuple[Path, TaskFacts, str]], outcomes: Mapping[str, np.ndarray]
) -> dict[str, list[int]]:
    """Return per language a number for each model, equal where two gave the same predictions of one task.

    `models` are (folder of the run, the task as it was run there, candidate), `outcomes` theirs, of the same
    examples, (models, examples, columns). Where predictions were not kept, none is taken to be the same.
    """
    # Only models whose every outcome is the same can have the same predictions, and few have.
    alike: dict[str, list[list[int]]] = {}
    for language, of_models in outcomes.items():
        by_rows: dict[bytes, list[int]] = {}
        for model, rows in enumerate(of_models):
            by_rows.setdefault(hashlib.sha256(rows.tobytes()).digest(), []).append(model)
        alike[language] = [group for group in by_rows.values() if len(group) > 1]
    digests: dict[tuple[str, int], bytes] = {}
    for model in sorted({model for groups in alike.values() for group in groups for model in group}):
        predictions = task_predictions(*models[model]) or {}
        for language, groups in alike.items():
            if language in predictions and any(model in group for group in groups):
                text = json.dumps(predictions[language], ensure_ascii=False)
                digests[language, model] = hashlib.sha256(text.encode()).digest()
    numbers = {}
    for language in outcomes:
        of_language = list(range(len(models)))
        for group in alike[language]:
            first: dict[bytes, int] = {}
            for model in group:
                digest = digests.get((language, model))
                if digest is not None:
                    of_language[model] = first.setdefault(digest, model)
        numbers[language] = of_language
    return numbers


def _load(folder: Path, candidate: str, facts: TaskFacts, kind: Kind) -> Mapping[str, np.ndarray]:
    kept = kept_folder(folder, OUTCOMES, candidate)
    file = _newest(kept, facts.name)
    if file is None:
        raise InputError(
            f"{kept}: expected the outcomes of every example of {facts.name}, found none. Intervals need "
            "them: run the recipe again with this version, and with the probe accuracy."
        )
    return _arrays(file, kind.columns_of(facts.task))


def _newest(folder: Path, name: str, ending: str = "npz") -> Path | None:
    """Return the file of the newest repeat, None without any."""
    pattern = re.compile(rf"accuracy-(\d+)-{re.escape(name)}\.{ending}")
    files = {int(m[1]): p for p in folder.glob(f"accuracy-*.{ending}") if (m := pattern.fullmatch(p.name))}
    return files[max(files)] if files else None


def _arrays(file: Path, wanted: tuple[str, ...]) -> Mapping[str, np.ndarray]:
    """Return the arrays of a file, whose columns have to be the wanted ones."""
    arrays = {name: stored for name, stored in stored_arrays(file).items() if not name.startswith(ASKED)}
    columns = tuple(str(name) for name in arrays.pop("columns", np.array([])))
    if columns != wanted:
        raise InputError(
            f"{file}: expected the columns {', '.join(wanted)}, found {', '.join(columns) or 'none'}. "
            "Another version of xpareto wrote it: run the recipe again."
        )
    for language, array in arrays.items():
        if array.ndim != 2 or array.shape[1] != len(columns) or array.dtype.kind not in "iuf":
            raise InputError(
                f"{file}: {language}: expected numbers of shape (examples, {len(columns)}), "
                f"found {array.dtype} of shape {array.shape}. Repeat the run."
            )
    return arrays


def stored_arrays(file: Path) -> dict[str, np.ndarray]:
    """Return the arrays that were kept in a file, by name; InputError where it is damaged."""
    try:
        content = io.BytesIO(read_file(file))
    except OSError as error:
        raise InputError(
            f"{file}: expected arrays of outcomes, could not read them: {error.strerror}. Repeat the run."
        ) from error
    try:
        with zipfile.ZipFile(content) as members:
            if (bad := members.testzip()) is not None:  # numpy reads a header before its checksum is known
                raise zipfile.BadZipFile(bad)
        content.seek(0)
        with np.load(content, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except Exception as error:  # what damage raises in zipfile, zlib, struct and numpy has no common name
        raise InputError(
            f"{file}: expected arrays of outcomes, found a file that is damaged. Repeat the run."
        ) from error


def _newest_scores(run: Run, candidate: str, name: str) -> dict[tuple[str, str], float]:
    """Return a candidate's newest values of one task by language and metric."""
    return {
        (row.language, row.statistic): row.value
        for row in run.rows[candidate]
        if row.probe == "accuracy" and row.task == name and row.value is not None
    }


def _check(
    scores: Mapping[tuple[str, str], float],
    name: str,
    declared: Task,
    language: str,
    metrics: Mapping[str, np.ndarray],
    folder: Path,
) -> None:
    """Refuse outcomes that give another score than the newest row says."""
    for metric in declared.metrics[: declared.scored_by]:
        value = scores.get((language, metric))
        if value is not None and abs(value - float(metrics[metric])) > CLOSE:
            raise InputError(
                f"{kept_folder(folder, OUTCOMES, name)}: the outcomes of {declared.name} in {language} give {metric} "
                f"{float(metrics[metric]):.4f}, the run's row says {value:.4f}. They do not belong "
                "together: run the recipe again."
            )
