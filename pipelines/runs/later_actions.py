"""What can be done with a run once it exists: measure again, verify, export a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from xpareto.compress.core import Artifact, InputError, replace_text, writing
from xpareto.compress.onnx import deploy
from xpareto.eval.probing import PROBES
from xpareto.eval.results import CONTROL, Candidate, read_document, read_runs, summarize
from xpareto.pipelines.planning import (
    EMBEDDED,
    check_evaluation,
    check_training,
    make_plan,
    open_start,
    workloads,
)
from xpareto.pipelines.recipe import BY_SUBMIT, check, groups, read_yaml
from xpareto.pipelines.runs.agenda import Agenda, Console, measuring, times_of_earlier_runs
from xpareto.pipelines.runs.measure import Measuring
from xpareto.pipelines.runs.report import build_report, kept_analysis
from xpareto.pipelines.runs.run import cores
from xpareto.pipelines.storage import RunFolder, Store
from xpareto.reports.formats import Released, model_card

_LICENSES: Mapping[str, str] = {
    "FacebookAI/xlm-roberta-base": "mit",
    "FacebookAI/xlm-roberta-large": "mit",
    "microsoft/Multilingual-MiniLM-L12-H384": "mit",
}
"""As the hub tells them of the bases that this project is about."""


def measure_again(run: RunFolder, store: Store, probe: str | None, console: Console) -> Sequence[Path]:
    """Measure the artifacts of a run once more, as a further repeat, and build its report anew.

    Nothing is trained or made: InputError when an artifact is not in the store any more.
    """

    if probe is not None and PROBES.load(probe).taken == "by submit":
        raise InputError(f"The probe {probe} {BY_SUBMIT}")
    options = options_of(run)
    checked = check(read_yaml(run.path / "recipe.yaml"))
    start = open_start(
        checked.recipe,
        store,
        recipe_folder=run.path,
        recipe_file=str(run.path / "recipe.yaml"),
        base=options["base"],
        data=options["data"],
        lock_file=Path(options["lock"]) if options["lock"] else None,
    )
    plan = make_plan(checked, start)
    work = check_evaluation(workloads(checked.recipe, start), start, store)
    check_training(work, plan, start, store)
    settings = checked.recipe.measure
    wanted = set(settings.probes)
    chosen = (
        [probe]
        if probe is not None
        else [name for name, group in groups().items() if wanted & set(group) and name != CONTROL]
    )
    with run.held():
        run.drop_unfinished()
        repeat = 1 + max((row.repeat for row in run.rows()), default=-1)
        measurer = Measuring(
            run, store, start, work, settings, settings.threads or cores(), checked.recipe.runtime_settings
        )
        made = {item.name: item for item in read_document(run.path).candidates if not item.unmade}
        candidates = [item for item in plan.candidates if item.name in made and made[item.name].artifacts]
        if not candidates:
            raise InputError(f"{run.path}: no candidate of this run has artifacts to measure.")
        counts = {measuring(name): len(candidates) for name in chosen}
        agenda = Agenda(console, counts, times_of_earlier_runs(run.path.parent, checked.recipe.name))
        try:
            for name in chosen:
                for candidate in candidates:
                    artifacts = made[candidate.name].artifacts
                    bundle = {part: open_artifact(store, digest) for part, digest in artifacts.items()}
                    with agenda.piece(measuring(name), f"{name} of {candidate.name}"):
                        rows = measurer.rows_of(candidate, bundle, name, repeat)
                    run.add_rows(rows)
        finally:  # what was measured counts, also where the rest was not
            run.event("measured again", probes=chosen, repeat=repeat)
            run.seal()
    return build_report([run.path], run.path / "report")


def verify(run: RunFolder, store: Store) -> list[str]:
    """Rehash the run and every artifact of its candidates; return one line per difference."""
    problems = run.damaged()
    seen: set[str] = set()
    for candidate in read_document(run.path).candidates:
        for digest in candidate.artifacts.values():
            if digest in seen:
                continue
            seen.add(digest)
            try:
                open_artifact(store, digest).verify()
            except InputError as error:
                problems.append(str(error))
    return problems


def export(
    run: RunFolder, store: Store, name: str, target: Path, given_license: str | None = None
) -> list[Path]:
    """Write a candidate's models out of the store: one folder per training set; return them.

    Each holds the model, config.json, the tokenizer, a model card (README.md) and the manifest, as other
    programs read them (see compress.onnx.deploy). `given_license` is an identifier of the hub's for the card, by
    default the base's where it is known.
    """
    document = read_document(run.path)
    artifacts = artifacts_of(run, store, document.candidate(name))
    check_empty(target)
    base_model, base_license = _base_of(run, document.base)
    run_summary, analysis = summarize(read_runs([run.path])), kept_analysis(run.path)
    folders = []
    with writing(target):
        for training_set, artifact in artifacts.items():
            folder = target / training_set
            folder.mkdir(parents=True)
            released = Released(deploy(artifact, folder), base_model, given_license or base_license)
            card = model_card(run_summary, analysis, name, training_set, released)
            replace_text(folder / "README.md", card)
            folders.append(folder)
    return folders


def full_name(run: RunFolder, start: str) -> str:
    """Return the name of the candidate that is called so, or that alone begins so."""
    return read_document(run.path).begun(start).name


def _base_of(run: RunFolder, base: str) -> tuple[str, str]:
    """Return the hub's name of the checkpoint that a run began with, "" for another, and its license."""
    from huggingface_hub import metadata_load

    if base == EMBEDDED:
        return "", "apache-2.0"  # it ships with xpareto
    if (run.path / "lock.json").is_file() and base in run.read_json("lock.json"):
        return base, _LICENSES.get(base, "unknown")
    license_name = None
    with suppress(ValueError, OSError, RuntimeError):
        card = Path(base).expanduser() / "README.md"
        if base and card.is_file():
            license_name = (metadata_load(card) or {}).get("license")
    return "", license_name if isinstance(license_name, str) else "unknown"


def artifacts_of(run: RunFolder, store: Store, candidate: Candidate) -> dict[str, Artifact]:
    """Return a candidate's artifacts by training set, every byte verified; InputError where one failed."""
    for training_set in candidate.unmade:
        raise InputError(
            f"{run.path}: the candidate {candidate.name} failed, so it has no {training_set} model."
        )
    artifacts = {name: open_artifact(store, digest) for name, digest in candidate.artifacts.items()}
    for artifact in artifacts.values():
        artifact.verify()
    return artifacts


def check_empty(target: Path) -> None:
    """Refuse a folder to write to that is a file, or that holds something."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        content = "files" if target.is_dir() else "a file"
        raise InputError(f"{target}: expected a new or empty folder, found {content}. Choose another.")


def store_of(run: RunFolder, given: Path | None) -> Store:
    """Return the store that a run's artifacts lie in: where it was made, unless another is given."""
    return Store(given if given is not None else Path(options_of(run)["store"]))


def open_artifact(store: Store, digest: str) -> Artifact:
    """Return an artifact by its digest; InputError when the store does not have it."""
    folder = store.folder(digest)
    if not folder.is_dir():
        raise InputError(
            f"{store.root}: the artifact {digest[:12]} is not there any more. Run the recipe again to make it."
        )
    return Artifact.open(folder)


def options_of(run: RunFolder) -> dict[str, Any]:
    """Return what the command line chose when the run was made."""
    options: dict[str, Any] = run.read_json("plan.json")["options"]
    return options
