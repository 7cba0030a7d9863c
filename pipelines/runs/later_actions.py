"""What can be done with a run once it exists: verify it, export a candidate, push one to the hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from xpareto.compress.core import Artifact, InputError, checked, hint, plain_name, replace_text, writing
from xpareto.compress.onnx import Layout, deploy
from xpareto.eval.results import Candidate, read_document, read_runs, summarize
from xpareto.pipelines.planning import EMBEDDED
from xpareto.pipelines.recipe import check, read_yaml
from xpareto.pipelines.runs.report import kept_analysis
from xpareto.pipelines.storage import RunFolder, Store, open_store
from xpareto.reports.formats import Released, model_card

_LICENSES: Mapping[str, str] = {
    "FacebookAI/xlm-roberta-base": "mit",
    "FacebookAI/xlm-roberta-large": "mit",
    "microsoft/Multilingual-MiniLM-L12-H384": "mit",
}
"""As the hub tells them of the bases that this project is about."""


def verify(run: RunFolder, store: Store) -> list[str]:
    """Rehash the run and every artifact of its candidates; return one line per difference."""
    problems: list[str] = []
    with _told(problems):
        problems += run.damaged()
    digests: list[str] = []
    with _told(problems):
        candidates = read_document(run.path).candidates
        digests = [digest for candidate in candidates for digest in candidate.artifacts.values()]
    for digest in dict.fromkeys(digests):
        with _told(problems):
            store.open(digest, verify=True)
    return problems


@contextmanager
def _told(problems: list[str]) -> Iterator[None]:
    """Add what is wrong inside to the problems."""
    try:
        yield
    except InputError as error:
        problems.append(str(error))


def export(
    run: RunFolder,
    store: Store,
    name: str,
    target: Path,
    given_license: str | None = None,
    layout: Layout | None = None,
) -> list[Path]:
    """Write a candidate's models out of the store: one folder per training set; return them.

    Each holds the model, config.json, the tokenizer, a model card (README.md) and the manifest, as other
    programs read them (see compress.onnx.deploy). `given_license` is an identifier of the hub's for the card, by
    default the base's where it is known. `layout` is by default "openvino" for a candidate of that runtime, whose
    graph is not measured as it stands in model.onnx, and "flat" for others.
    """
    document = read_document(run.path)
    runtime = document.candidate(name).runtime
    if layout is None:
        layout = "openvino" if runtime == "openvino" else "flat"
    if layout not in get_args(Layout):
        raise InputError(
            f'--layout: expected flat, hub or openvino, found "{layout}".{hint(layout, get_args(Layout))}'
        )
    artifacts = artifacts_of(run, store, document.candidate(name))
    if layout == "openvino" and any(artifact.manifest.format != "onnx" for artifact in artifacts.values()):
        raise InputError(
            f"{name}: --layout openvino takes onnx models, found torch. Choose an exported candidate."
        )
    try:
        recipe = check(read_yaml(run.path / "recipe.yaml")).recipe
        settings = recipe.runtime_settings.get("openvino" if layout == "openvino" else runtime, {})
    except InputError:
        if layout == "openvino":  # its file holds the size of groups
            raise
        settings = {}  # a lost recipe keeps no model back
    group_size = settings.get("group_size") if layout == "openvino" else None
    check_empty(target)
    base_model, base_license = _base_of(run, document.base)
    run_summary, analysis = summarize(read_runs([run.path])), kept_analysis(run.path)
    folders = []
    with writing(target):
        for training_set, artifact in artifacts.items():
            folder = target / plain_name(training_set, f"{run.path}: training set")
            folder.mkdir(parents=True)
            released = Released(
                deploy(artifact, folder, layout, group_size),
                base_model,
                given_license or base_license,
                settings,
            )
            card = model_card(run_summary, analysis, name, training_set, released)
            replace_text(folder / "README.md", card)
            folders.append(folder)
    return folders


def push(
    run: RunFolder,
    store: Store,
    name: str,
    repo: str,
    *,
    private: bool = False,
    given_license: str | None = None,
    layout: Layout | None = "hub",
) -> list[str]:
    """Export a candidate into repositories of the hub, which are made where missing; return their addresses.

    Its one model goes to `repo`, several each to ``repo-TRAINING_SET``. A file that is there is replaced, others are
    left, so that several precisions of layout "hub" share a repository. InputError where the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported at run time

    with TemporaryDirectory() as temporary:
        folders = export(run, store, name, Path(temporary) / "export", given_license, layout)
        names = [repo] if len(folders) == 1 else [f"{repo}-{folder.name}" for folder in folders]
        api, addresses = HfApi(), []
        try:
            for repo_name, folder in zip(names, folders, strict=True):
                made = api.create_repo(repo_name, private=private or None, exist_ok=True)
                api.upload_folder(
                    repo_id=made.repo_id,
                    folder_path=folder,
                    commit_message=f"{name}, made by xpareto {version('xpareto')}",
                )
                addresses.append(str(made))
        except (httpx.HTTPError, OSError, ValueError) as error:  # the hub's own errors are some of these
            done = f" Pushed so far: {', '.join(addresses)}." if addresses else ""
            said = " ".join(str(error).split())
            raise InputError(
                f"{repo}: the hub did not take it: {said.rstrip('.')}.{done} Log in with `hf auth login` (a token that "
                "may write), and give a repository as OWNER/NAME that is yours."
            ) from error
    return addresses


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
    return {name: store.open(digest, verify=True) for name, digest in candidate.artifacts.items()}


def check_empty(target: Path) -> None:
    """Refuse a folder to write to that is a file, or that holds something."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        content = "files" if target.is_dir() else "a file"
        raise InputError(f"{target}: expected a new or empty folder, found {content}. Choose another.")


def store_of(run: RunFolder, given: str | Path | None) -> Store:
    """Return the store that a run's artifacts lie in, to read from: where it was made, unless another is given.

    InputError where there is none: what a run names is never made.
    """
    return open_store(options_of(run).store if given is None else given, only_read=True)


@dataclass(frozen=True)
class RunOptions:
    """What the command line chose when a run was made, as its plan.json tells."""

    store: str
    base: str | dict[str, str] | None = None
    data: str | None = None
    lock: str | None = None
    folder: str | None = None  # that of the recipe


def options_of(run: RunFolder) -> RunOptions:
    """Return what the command line chose when the run was made; InputError where plan.json does not tell."""
    where, fix = f"{run.path / 'plan.json'}: options", "The run is damaged: repeat it."
    options: RunOptions = checked(RunOptions, run.read_json("plan.json").get("options"), where, fix)
    return options
