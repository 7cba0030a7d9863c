"""One recipe runs on the embedded base without any argument, and on a real one with --base."""

from __future__ import annotations

from pathlib import Path
from random import Random
from statistics import mean

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.data.mlm import MaskedBatches, encode_lines
from xpareto.compress.heads.table import HEADS
from xpareto.compress.models.checkpoint import load_model, read_checkpoint
from xpareto.compress.steps.pretrain import Pretrain
from xpareto.eval.synthetic.realize import LANGUAGES, words
from xpareto.eval.synthetic.realize import text as joined
from xpareto.eval.synthetic.sample import sentence
from xpareto.pipelines.bases import build
from xpareto.pipelines.planning.base_checkpoint import EMBEDDED_BASE
from xpareto.pipelines.planning.preparation import Options, Prepared, prepare

RECIPE = """\
xpareto: 1
name: tiny
base: embedded
data: embedded
tasks: [udpos]
steps:
  - {step: train, on: each, epochs: 1}
  - {step: export_onnx}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(RECIPE)
    return file


def planned(file: Path, base: str | None = None) -> Prepared:
    return prepare(Options(str(file), base=base, store=file.parent / "store", runs=file.parent / "runs"))


def test_a_plan_starts_from_it_without_a_base(recipe: Path) -> None:
    plain = recipe.with_name("plain.yaml")
    plain.write_text(RECIPE.replace("base: embedded\n", ""))
    first = planned(recipe)
    assert [node.step for node in first.plan.nodes.values()] == ["base", "train", "export_onnx"]
    assert first.start.base is not None
    assert (first.start.base.name, first.start.base.folder, first.start.base.head) == (
        "embedded", EMBEDDED_BASE, "mlm",
    )  # fmt: skip
    for file in (recipe, plain):
        assert planned(file, "embedded").plan.nodes.keys() == first.plan.nodes.keys()


def test_another_base_goes_before_it(recipe: Path, base: Path) -> None:
    ready = planned(recipe, str(base))
    assert ready.start.base is not None and ready.start.base.folder == base


def test_it_is_known_by_its_content_wherever_it_lies(recipe: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in EMBEDDED_BASE.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert planned(recipe, str(copy)).plan.nodes.keys() == planned(recipe).plan.nodes.keys()


def test_two_bases_are_refused(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("steps:\n", "steps:\n  - {step: pretrain}\n"))
    with pytest.raises(InputError, match=r"tiny\.yaml: base: the recipe makes its own base"):
        planned(recipe)


def test_without_any_base_the_message_names_it(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("base: embedded\n", ""))
    with pytest.raises(InputError, match="expected a hub id, a folder or `embedded`, found nothing"):
        planned(recipe)


def test_a_step_may_learn_from_the_base_whichever_it_is(recipe: Path) -> None:
    recipe.write_text(
        RECIPE.replace(
            "steps:\n",
            "steps:\n  - {step: prune_depth, layers: 1}\n  - {step: distill, teacher: base, steps: 1}\n",
        )
    )
    nodes = {node.label: node for node in planned(recipe).plan.nodes.values()}
    assert nodes["distill"].teacher == nodes["base"].key


def test_what_ships_has_the_size_that_its_fields_say_and_is_small() -> None:
    fields = Pretrain(**yaml.safe_load(build.FIELDS.read_text("utf-8")))
    facts = read_checkpoint(EMBEDDED_BASE)
    assert (facts.head, facts.layers, facts.hidden_size) == ("mlm", fields.layers, fields.hidden_size)
    assert facts.vocab_size <= fields.vocab_size and facts.max_tokens == fields.max_positions - 2
    assert sum(file.stat().st_size for file in EMBEDDED_BASE.iterdir()) < 2.2e6


@pytest.mark.slow
def test_what_ships_is_what_its_recipe_makes(tmp_path: Path) -> None:
    """On one kind of processor all bytes are equal; on another one, rounding leads the training elsewhere.

    With AVX2 in place of AVX-512 the fixed word embeddings (five sixths of all weights) differed by 1e-4 at most,
    and the last loss by 0.006.
    """
    build.build(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (EMBEDDED_BASE / name).read_bytes()
    made, shipped = (load_file(folder / "model.safetensors") for folder in (tmp_path, EMBEDDED_BASE))
    shapes = [{name: weight.shape for name, weight in weights.items()} for weights in (made, shipped)]
    assert shapes[0] == shapes[1]
    name = "roberta.embeddings.word_embeddings.weight"
    assert np.abs(made[name] - shipped[name]).max() < 1e-3 < 0.1 * shipped[name].std()
    assert abs(loss(tmp_path) - loss(EMBEDDED_BASE)) < 0.1


def loss(folder: Path) -> float:
    """Return the masked language modelling loss (nats) on a few lines of all languages."""
    random = Random(1)
    meanings = [sentence(random) for _ in range(200)]
    text = {code: [joined(words(one, code), code) for one in meanings] for code in LANGUAGES}
    model = load_model(folder, "mlm", keep_head=True)
    special = SpecialTokens.read(folder / "tokenizer.json")
    lines = encode_lines(text, folder / "tokenizer.json")
    batches = MaskedBatches(lines, 64, max_length=48, special=special, share=0.2, translation=0.8, seed=0)
    with torch.inference_mode():
        losses = [
            float(
                HEADS["mlm"].loss(
                    model, {name: torch.from_numpy(rows) for name, rows in batches.batch(at).items()}
                )
            )
            for at in range(8)
        ]
    return mean(losses)
