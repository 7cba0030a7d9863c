"""A relative folder that is missing is told, and not asked of the hub."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from tests.tiny_bert import vocabulary, write_bert, write_vocabulary
from tests.tiny_world import TinyWorld
from xpareto.compress.core.errors import InputError
from xpareto.pipelines.planning import inputs
from xpareto.pipelines.planning.base_checkpoint import Base, as_downloaded
from xpareto.pipelines.planning.inputs import embedded_data, open_start
from xpareto.pipelines.recipe.schema import Checked, Recipe
from xpareto.pipelines.storage.lock import Lock
from xpareto.pipelines.storage.store import Store


def base_of(recipe: Recipe, folder: Path) -> Base:
    """Return the base of a recipe that says it itself."""
    start = open_start(
        recipe, Store(folder / "store"), recipe_folder=folder, recipe_file="r.yaml", base=None,
        data="embedded", lock_file=None,
    )  # fmt: skip
    assert start.base is not None
    return start.base


@pytest.fixture
def told(
    tmp_path: Path, checked: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Return a function: (base of the option, base of the recipe) -> what is refused."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        Lock, "resolve", lambda self, repo, kind: pytest.fail(f"the hub was asked for {repo}")
    )
    (tmp_path / "models" / "mini-xlmr").mkdir(parents=True)
    (tmp_path / "recipes").mkdir()

    def refuse(base: str | None, own: str = "") -> str:
        recipe = checked(*([] if not own else [GOOD_WITH.format(base=own)])).recipe
        with pytest.raises(InputError) as caught:
            open_start(
                recipe, Store(tmp_path / "store"), recipe_folder=tmp_path / "recipes", recipe_file="r.yaml",
                base=base, data="embedded", lock_file=None,
            )  # fmt: skip
        return str(caught.value)

    return refuse


GOOD_WITH = """\
xpareto: 1
name: tiny
base: {base}
tasks: [udpos]
steps: [{{step: train, on: each}}]
"""


def test_a_folder_that_is_missing_in_one_that_is_there_is_told(told: Callable[..., str]) -> None:
    assert told("models/mini-xmlr").startswith(
        '--base: no folder models/mini-xmlr. Did you mean "mini-xlmr"? '
    )
    assert told(None, "models/none").startswith("r.yaml: base: no folder models/none.")


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/model", "a/b/c", "~/nowhere"])
def test_what_can_only_be_a_folder_is_no_hub_id(name: str, told: Callable[..., str]) -> None:
    assert told(name).startswith(f"--base: no folder {name}, and it does not look like a hub id")


def test_a_head_that_is_left_out_is_told_before_any_work(
    world: TinyWorld, tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    def told(base: Path) -> tuple[str, tuple[str, ...]]:
        start = open_start(
            checked().recipe, Store(tmp_path / "store"), recipe_folder=tmp_path, recipe_file="r.yaml",
            base=str(base), data="embedded", lock_file=None,
        )  # fmt: skip
        assert start.base is not None
        return start.base.dropped, start.base.notes

    assert told(world.source("mlm").path) == told(world.source("encoder").path) == ("", ())
    dropped, notes = told(world.source("classification").path)
    assert "classification head that was fine-tuned, with the labels even and odd. The head is not" in dropped
    assert notes == ()
    other = Path(shutil.copytree(world.source("classification").path, tmp_path / "other"))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "architectures": ["RankerOfMine"]}))
    dropped, [note] = told(other)
    assert "has a head, classifier, which is none of the kind that its config.json names" in note
    assert dropped == ""


def test_a_vocabulary_in_lines_is_part_of_what_a_base_is(
    tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    folder = write_bert(tmp_path / "bert")
    recipe = checked(GOOD_WITH.format(base=folder)).recipe
    whole = base_of(recipe, tmp_path).identity
    (folder / "vocab.txt").write_text("which tokenizer.json stands before\n")
    assert base_of(recipe, tmp_path).identity == whole
    (folder / "tokenizer.json").unlink()
    write_vocabulary(folder, vocabulary(), do_lower_case=False)
    cased = base_of(recipe, tmp_path).identity
    write_vocabulary(folder, vocabulary(), do_lower_case=True)
    lower = base_of(recipe, tmp_path).identity
    write_vocabulary(folder, vocabulary()[::-1], do_lower_case=True)
    assert len({whole, cased, lower, base_of(recipe, tmp_path).identity}) == 4


def test_a_sentence_s_vector_that_cannot_be_scored_is_refused_where_it_would_be(
    world: TinyWorld, tmp_path: Path, checked: Callable[..., Checked]
) -> None:
    source = world.source("encoder").path

    def opened(name: str, pooling: str, task: str, prompt: str | None = "none") -> Base:
        folder = Path(shutil.copytree(source, tmp_path / name, dirs_exist_ok=True))
        modules = [{"type": "models.Transformer"}, {"type": "models.Pooling", "path": "1_Pooling"}]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": pooling}))
        prompts = {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": prompt}
        (folder / "config_sentence_transformers.json").write_text(
            json.dumps(prompts if prompt != "none" else {})
        )
        recipe = checked(GOOD_WITH.format(base=folder).replace("udpos", task)).recipe
        return base_of(recipe, tmp_path)

    with pytest.raises(InputError, match=r"r.yaml: base: .*found the pooling odd \(.*leave out the tasks"):
        opened("odd", "odd", "tatoeba")
    assert opened("odd", "odd", "udpos").notes == ()
    by_first, by_mean = opened("cls", "cls", "tatoeba"), opened("mean", "mean", "tatoeba")
    assert "vectors are pooled by cls, as modules.json" in by_first.notes[0] and by_mean.notes == ()
    assert by_first.identity != by_mean.identity
    [told, others] = opened("query", "mean", "tatoeba", "query").notes
    assert "vectors are of texts that begin with 'query: '" in told and "prompts (passage) that" in others
    [others] = opened("prompts", "mean", "tatoeba", None).notes
    assert "prompts (query and passage) that are put before no text" in others
    assert opened("tags", "cls", "udpos", "query").notes == ()


def test_what_a_base_of_the_hub_has_is_told_where_it_was_downloaded(
    world: TinyWorld, tmp_path: Path, checked: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache: dict[str, Path] = {}

    def download(repo: str, *, revision: str, local_files_only: bool, **_: object) -> str:
        assert local_files_only and revision == "0" * 40
        if repo not in cache:
            raise LocalEntryNotFoundError("no such snapshot")
        return str(cache[repo])

    monkeypatch.setattr(Lock, "resolve", lambda self, repo, kind: "0" * 40)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    recipe = checked(GOOD_WITH.format(base="some/base").replace("udpos", "tatoeba")).recipe

    def opened() -> Base:
        return base_of(recipe, tmp_path)

    before = opened()
    assert before.notes == ()
    cache["some/base"] = Path(shutil.copytree(world.source("classification").path, tmp_path / "cached"))
    after = as_downloaded(before)
    assert after.dropped.startswith("The base some/base has a classification head that was fine-tuned")
    assert (
        opened() == after == replace(before, dropped=after.dropped, architecture=after.architecture)
    )  # and nothing else of the plan changes
    modules = [{"type": "models.Transformer"}, {"type": "models.Dense", "path": "2_Dense"}]
    (cache["some/base"] / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(InputError, match=r"r.yaml: base: .*found a module Dense"):
        opened()
    (cache["some/base"] / "model.safetensors").unlink()  # what is there in part is told once it is whole
    assert opened().notes == ()


def test_embedded_data_that_were_changed_are_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def write(folder: Path) -> None:
        (folder / "xnli").mkdir()
        (folder / "xnli" / "test-en.tsv").write_text("a\tb\tneutral\n")
        written.append(folder)

    monkeypatch.setattr(inputs, "write_data", write)
    store = Store(tmp_path / "store")
    file = embedded_data(store) / "xnli" / "test-en.tsv"
    assert embedded_data(store) == file.parents[1] and len(written) == 1
    for damage in (
        lambda: file.write_text("a\tb\tneutraL\n"),
        (file.parent / "test-de.tsv").touch,
        file.unlink,
    ):
        damage()
        embedded_data(store)
        assert file.read_text() == "a\tb\tneutral\n" and len(list(file.parent.iterdir())) == 1
