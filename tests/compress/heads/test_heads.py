"""One HeadSpec per head; what depends on a head is decided in compress/heads and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
import transformers

from xpareto.compress.core.artifact import Head
from xpareto.compress.data.batching import IGNORED, collate, collate_choices
from xpareto.compress.heads.multi_label_classification import MultiLabelClassification
from xpareto.compress.heads.spec import HeadSpec
from xpareto.compress.heads.table import HEADS, head_of_class

ROOT = next(folder for folder in Path(__file__).parents if (folder / "pyproject.toml").is_file())
ROOMS = ("compress", "eval", "pipelines", "reports")
NAMES = frozenset(get_args(Head))
OTHER_THINGS = {  # names of the same spelling that are no heads, by file
    "compress/onnx/weights.py": "parts of a graph's weight names",
    "eval/roofline/file_bytes.py": "parts of a model's weight names",
    "reports/formats/card_metadata.py": "XTREME's groups of tasks",
    "eval/analyses/claims.py": "the training set of tasks that train nothing",
}
LABELS = {
    "classification": ("a", "b", "c"),
    "multi_label_classification": ("a", "b", "c"),
    "tagging": ("X", "Y"),
}


def strings(node: ast.AST) -> set[str]:
    return {
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def compared(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """Yield the line of every comparison with a head's name, and of every table by heads' names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            own = set().union(*map(strings, (node.left, *node.comparators))) & NAMES
            if own:
                yield node.lineno, own
        elif isinstance(node, ast.Dict):
            own = set().union(*(strings(key) for key in node.keys if key is not None)) & NAMES
            if len(own) > 1:
                yield node.lineno, own
        elif isinstance(node, ast.MatchValue) and strings(node) & NAMES:
            yield node.lineno, strings(node) & NAMES


def test_no_head_is_compared_by_its_name_outside_of_the_heads() -> None:
    seen = {}
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        if where.startswith("compress/heads/"):
            continue
        lines = list(compared(ast.parse(path.read_text(encoding="utf-8"))))
        if lines:
            seen[where] = lines
    assert {where: lines for where, lines in seen.items() if where not in OTHER_THINGS} == {}


def test_every_head_has_its_spec_and_a_transformers_class() -> None:
    assert set(HEADS) == NAMES
    for name, spec in HEADS.items():
        assert isinstance(spec, HeadSpec) and spec.name == name
        assert hasattr(transformers, f"XLMRoberta{spec.class_ending}")
        labels = LABELS.get(name, ("score",) if name == "choice" else ())
        assert head_of_class(spec.class_ending, lambda labels=labels: labels, spec.problem_type) == name
    assert head_of_class("ForCausalLM", lambda: ()) is None


@pytest.fixture(scope="module", params=sorted(HEADS))
def head(request: pytest.FixtureRequest) -> HeadSpec:
    return HEADS[request.param]


def model_of(spec: HeadSpec) -> Any:
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    spec.configure(config, LABELS.get(spec.name, ()))
    return getattr(transformers, f"XLMRoberta{spec.class_ending}")(config).eval()


def batch_of(spec: HeadSpec) -> dict[str, torch.Tensor]:
    rows = [[0, 5, 6, 7, 2], [0, 8, 2], [0, 9, 10, 2]]
    if not spec.reads_text:
        arrays = collate_choices(rows, [1, 0], [2, 1], [0, 1], 1)
    else:
        labels: Any = [1, 0, 1]
        if spec.labels_tokens:
            labels = [[IGNORED, 1, 0, 1, IGNORED], [IGNORED, 0, IGNORED], [IGNORED, 1, 1, IGNORED]]
        elif isinstance(spec, MultiLabelClassification):
            labels = [[1, 0, 1], [0, 0, 0], [1, 1, 1]]
        elif spec.output_width(2, 16) == 2 and not spec.has_label_names:
            labels = [[1, 2], [1, 1], [0, 0]]
        arrays = collate(rows, labels, [0, 1, 2], 1)
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def test_loss_right_and_gold_are_those_of_the_logits(head: HeadSpec) -> None:
    """The loss of training, the dev score and what distillation compares rest on the same rows."""
    model, batch = model_of(head), batch_of(head)
    if not head.has_logits:
        with pytest.raises(ValueError, match="bare encoder"):
            head.logits(model, batch)
        return
    counted = head.counted(batch["labels"])
    answer, gold = head.logits(model, batch, counted), head.gold(batch["labels"], counted)
    assert answer.logits.shape[0] == len(gold) == len(answer.row)
    assert set(answer.row.tolist()) == set(range(len(batch["labels"])))
    assert head.loss(model, batch).item() == pytest.approx(
        torch.nn.functional.cross_entropy(answer.logits, gold).item(), abs=1e-6
    )
    right = answer.logits.argmax(-1) == gold
    if len(gold) > len(head.right(model, batch)):  # both ends of a span
        right = right.reshape(2, -1).all(0)
    assert head.right(model, batch).tolist() == right.tolist()


def test_the_loss_of_one_example_is_that_of_a_batch_of_it_alone(head: HeadSpec) -> None:
    if not head.has_logits:
        return
    model, batch = model_of(head), batch_of(head)
    every = head.example_losses(model, None, batch, torch.Generator().manual_seed(0))
    for row, loss in enumerate(every.tolist()):
        alone = {name: rows[row : row + 1] for name, rows in batch.items()}
        assert head.loss(model, alone).item() == pytest.approx(loss, abs=1e-5)


def test_a_model_is_at_no_distance_from_itself_and_further_from_another(head: HeadSpec) -> None:
    if head.predicts_tokens:
        return
    model, batch = model_of(head), {name: rows for name, rows in batch_of(head).items() if name != "labels"}
    if batch["input_ids"].ndim == 3:
        real = batch["attention_mask"].any(-1)
        batch = {name: rows[real] for name, rows in batch.items()}
    with torch.inference_mode():
        before = head.compared(model, None, batch)
        assert head.distance(before, before).abs().max().item() < 1e-6
        model.base_model.encoder.layer[1].output.dense.weight.mul_(3)
        assert head.distance(before, head.compared(model, None, batch)).sum().item() > 1e-6


def test_the_output_is_as_wide_as_the_head_says_and_names_what_it_exports(head: HeadSpec) -> None:
    if not head.deployable:
        return
    model = model_of(head)
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 8, 2]])
    with torch.inference_mode():
        output = head.output(model, None, input_ids=ids, attention_mask=torch.ones_like(ids))
    assert output.shape[:-1] == (ids.shape if head.per_token else ids.shape[:1])
    assert output.shape[-1] == head.output_width(len(LABELS.get(head.name, ())), 16)
    assert head.read_outputs(None, 2) == head.exports()


def test_numpy_scores_are_the_log_probabilities_of_the_same_rows(head: HeadSpec) -> None:
    """What an exported model is judged by is what the torch model gives, decision by decision."""
    if not head.deployable or not head.has_logits:
        return
    model, batch = model_of(head), batch_of(head)
    ids, mask = batch["input_ids"], batch["attention_mask"]
    options = None
    if ids.ndim == 3:
        real = mask.any(-1)
        options = real.sum(1).tolist()
        ids, mask = ids[real], mask[real]
    labels = [row.tolist() for row in batch["labels"]]
    if head.labels_tokens:
        labels = [row[: int(count)] for row, count in zip(labels, mask.sum(1), strict=True)]
    rows: Any = type("Rows", (), {"labels": labels, "options": options, "input_ids": ids.tolist()})()
    with torch.inference_mode():
        answer = model(input_ids=ids, attention_mask=mask)
        expected = head.logits(model, batch, head.counted(batch["labels"])).logits.log_softmax(-1)
    names = head.read_outputs(None, 2)
    scores = [
        head.scores({name: answer[name][row].numpy() for name in names}, None, mask[row].numpy())
        for row in range(len(ids))
    ]
    found, gold = head.decisions(scores, rows, labelled=True)
    wanted = head.gold(batch["labels"], head.counted(batch["labels"]))
    if names != ("logits",):  # the ends of a span lie one after the other there, side by side here
        expected = expected.reshape(2, len(ids), -1).transpose(0, 1).reshape(len(gold), -1)
        wanted = wanted.reshape(2, -1).T.reshape(-1)
    assert gold.tolist() == wanted.tolist()
    np.testing.assert_allclose(found[:, : expected.shape[1]], expected.numpy(), atol=1e-5)
