"""Bad input through the command line: a clear message, exit code 2, nothing lost, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RECIPE = """\
xpareto: 1
name: bad
tasks: [udpos, xnli, tatoeba]
steps:
  - {step: train, label: fp32, on: each, max_steps: 1}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
"""


def run(folder: Path, *words: str | Path) -> str:
    """Run the command, which must refuse, and return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "xpareto.pipelines", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and "Traceback" not in done.stdout
    return done.stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a minimal folder in XTREME's layout."""
    root = tmp_path / "data"
    for name in ("udpos", "xnli", "tatoeba"):
        (root / "xtreme" / name).mkdir(parents=True)
    (root / "intermediate" / "mnli").mkdir(parents=True)
    for name in ("train-en", "dev-en", "test-en", "test-de"):
        (root / f"xtreme/udpos/{name}.tsv").write_text("a\tDET\ndog\tNOUN\n\nit\tPRON\nran\tVERB\n\n")
    for name in ("dev-en", "test-en", "test-de"):
        (root / f"xtreme/xnli/{name}.tsv").write_text("a dog\tan animal\tentailment\na dog\ta cat\tneutral\n")
    pairs = [{"sentence1": "a", "sentence2": "b", "label": "neutral"}] * 4
    (root / "intermediate/mnli/train.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (root / "xtreme/tatoeba/de-en.de").write_text("ein hund\nich\n")
    (root / "xtreme/tatoeba/de-en.en").write_text("a dog\nme\n")
    return root


@pytest.fixture
def refused(tmp_path: Path, base: Path, data: Path) -> Callable[..., str]:
    def call(*words: str, recipe: str = RECIPE, base: Path = base, command: str = "run") -> str:
        (tmp_path / "bad.yaml").write_text(recipe)
        given = () if "--base" in words else ("--base", base)
        said = run(tmp_path, command, "bad.yaml", *given, "--data", data, *words)
        assert not list(tmp_path.glob("runs/*")), "a run was begun although its input is bad"
        return said

    return call


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: bad", "nmae: bad", 'bad.yaml:2: nmae: unknown key. Did you mean "name"?'),
        ("step: train", "step: trian", 'unknown step "trian". Did you mean "train"?'),
        ("xnli,", "xlni,", 'unknown task "xlni". Did you mean "xnli"?'),
        ("max_steps: 1", "max_steps: one", "bad.yaml:5: steps.0.max_steps"),
        ("max_steps: 1", "max_steps: 0", "a number of 1 or more, found 0"),
        ("  - {step: export_onnx, label: onnx}\n", "", "bad.yaml:6: "),
        ("tatoeba]\n", "tatoeba]\nlanguages: [en, gr]\n", 'unknown language "gr"'),
        ("tatoeba]\n", "tatoeba]\nlanguages: [en, fr]\n", "the recipe names fr"),
    ],
)
def test_a_bad_recipe(refused: Callable[..., str], old: str, new: str, words: str) -> None:
    assert old in RECIPE
    assert words in refused(recipe=RECIPE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("xtreme/udpos/train-en.tsv", None, "train-en"),
        ("xtreme/udpos/test-de.tsv", "a\tDET\ndog\n\n", "test-de.tsv:2"),
        ("xtreme/udpos/test-de.tsv", "a\tDET\ndog\tNUON\n\n", "test-de.tsv:2"),
        ("xtreme/udpos/train-en.tsv", "a\tDET\ndog\tNUON\n\n", "train-en.tsv:2"),
        ("xtreme/xnli/test-de.tsv", "a\tb\tneutral\na\n", "test-de.tsv:2"),
        ("xtreme/xnli/test-de.tsv", "a\tb\tneutral\na\tb\tmaybe\n", "test-de.tsv:2"),
        ("xtreme/tatoeba/de-en.en", "a dog\n", "de-en"),
        ("intermediate/mnli/train.jsonl", '{"sentence1": "a", "sente', "train.jsonl:1"),
        ("intermediate/mnli/train.jsonl", '{"sentence1": "a", "label": "neutral"}\n', "train.jsonl:1"),
        ("xtreme/udpos/test-de.tsv", "", "test-de.tsv"),
    ],
)
def test_bad_data(refused: Callable[..., str], data: Path, file: str, change: str | None, words: str) -> None:
    if change is None:
        (data / file).unlink()
    else:
        (data / file).write_text(change)
    assert words in refused()


def test_a_data_folder_that_is_none(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "no folder nowhere" in refused("--data", "nowhere")
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("--data", "empty")


def test_a_checkpoint_of_another_architecture(
    refused: Callable[..., str], base: Path, tmp_path: Path
) -> None:
    other = copy(base, tmp_path)
    config = json.loads((other / "config.json").read_text()) | {"model_type": "gpt2"}
    (other / "config.json").write_text(json.dumps(config))
    told = refused(base=other)
    assert "model_type: expected one of bert, deberta-v2" in told and "found 'gpt2'" in told


def test_a_checkpoint_that_is_a_pickle(refused: Callable[..., str], base: Path, tmp_path: Path) -> None:
    other = copy(base, tmp_path)
    (other / "model.safetensors").rename(other / "pytorch_model.bin")
    said = refused(base=other)
    assert "pytorch_model.bin" in said and "safetensors" in said


def test_a_checkpoint_whose_tokenizer_is_larger_than_its_embeddings(
    refused: Callable[..., str], base: Path, tmp_path: Path
) -> None:
    other = copy(base, tmp_path)
    tokenizer = json.loads((other / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] += [["extra", -3.0], ["more", -3.0]]
    (other / "tokenizer.json").write_text(json.dumps(tokenizer))
    said = refused(base=other)
    assert "the tokenizer has 34 entries" in said and "embeddings have 32" in said


def test_a_checkpoint_that_is_cut_off(refused: Callable[..., str], base: Path, tmp_path: Path) -> None:
    other = copy(base, tmp_path)
    file = other / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert "model.safetensors" in refused(base=other)


def test_a_base_that_is_neither_folder_nor_hub_id(refused: Callable[..., str]) -> None:
    assert "no folder ./nowhere" in refused("--base", "./nowhere")


def test_a_hub_id_that_the_lock_does_not_hold(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "lock.json").write_text("{}")
    assert "is not in it" in refused("--base", "FacebookAI/xlm-roberta-base", "--lock", "lock.json")
    (tmp_path / "lock.json").write_text("[")
    assert "expected JSON" in refused("--base", "FacebookAI/xlm-roberta-base", "--lock", "lock.json")


def test_a_store_that_cannot_be_written(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refused("--store", "file/store")
    assert "cannot be written to" in told and "Folders are chosen with --store and --out." in told


def test_plan_refuses_what_run_refuses(refused: Callable[..., str]) -> None:
    assert "unknown key" in refused(recipe=RECIPE + "extra: 1\n", command="plan")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "nothing"], 'No run "nothing"'),
        (["list", "stepps"], 'Did you mean "steps"?'),
        (["run", "dmeo"], 'Did you mean "demo"?'),
        (["run", "missing.yaml"], "no such recipe file"),
    ],
)
def test_a_wrong_name_on_the_command_line(tmp_path: Path, words: list[str], said: str) -> None:
    assert said in run(tmp_path, *words)


def copy(base: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(base, tmp_path / "other"))
