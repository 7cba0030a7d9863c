"""The whole loss equals what its parts say on single sequences, however they are batched, split or saved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.tiny_world import special_tokens
from xpareto.compress.core.artifact import Head
from xpareto.compress.core.errors import InputError
from xpareto.compress.data.batching import collate, collate_choices
from xpareto.compress.data.sharding import labelled, share
from xpareto.compress.distillation.batches import labelled_batch, unlabelled_batch
from xpareto.compress.distillation.loss import TeacherLoss
from xpareto.compress.distillation.objectives import (
    Attention,
    Hidden,
    Labels,
    Logits,
    MiniLM,
    Objectives,
    Relations,
)
from xpareto.compress.training.device import recomputing

VOCAB = 30
IDS = [[0, 5, 6, 7, 8, 2], [0, 9, 10, 2], [0, 11, 12, 13, 2]]
CLASSES = {
    "tagging": transformers.XLMRobertaForTokenClassification,
    "classification": transformers.XLMRobertaForSequenceClassification,
    "qa": transformers.XLMRobertaForQuestionAnswering,
    "choice": transformers.XLMRobertaForSequenceClassification,
    "mlm": transformers.XLMRobertaForMaskedLM,
}
GOLD: dict[str, list[Any]] = {
    "tagging": [[-100, 0, 1, 2, -100, -100], [-100, 1, 1, -100], [-100] * 5],
    "classification": [2, 0, 1],
    "qa": [[1, 3], [0, 0], [2, 2]],
    "mlm": [[-100, 5, -100, 9, -100, -100], [-100, 4, -100, -100], [-100] * 5],
}
HIDDEN = Hidden.model_validate({})
HEADS: list[Head] = ["tagging", "classification", "qa", "choice", "mlm"]


def model(head: Head, seed: int, layers: int = 2, width: int = 16, heads: int = 2, vocab: int = VOCAB) -> Any:
    torch.manual_seed(seed)
    config = transformers.XLMRobertaConfig(
        vocab_size=vocab, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=24, max_position_embeddings=20, type_vocab_size=1, pad_token_id=1,
        initializer_range=0.3, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        num_labels={"choice": 1, "qa": 2}.get(head, 3),
    )  # fmt: skip
    return CLASSES[head](config).eval()


def lesson(head: Head, rows: list[int] = [0, 1, 2]) -> dict[str, np.ndarray]:  # noqa: B006
    if head == "choice":
        questions = [[IDS[0], IDS[1]], [IDS[2], IDS[1], IDS[0]], [IDS[1], IDS[2]]]
        flat = [one for at in rows for one in questions[at]]
        counts = [len(questions[at]) for at in rows]
        batch = collate_choices(flat, [1, 2, 0], counts, list(range(len(rows))), 1)
        batch = {**batch, "labels": np.array([[1, 2, 0][at] for at in rows])}
    else:
        batch = collate(IDS, GOLD[head], rows, 1)
    return dict(labelled_batch(batch, head))


def tensors(batch: Any) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(rows) for name, rows in batch.items()}


def everything(**changes: Any) -> Objectives:
    plain = {
        "logits": Logits(weight=0.7, temperature=3.0),
        "hidden": Hidden.model_validate({"projection": "always"}),
        "attention": Attention.model_validate({"weight": 0.3}),
        "minilm": MiniLM.model_validate({"teacher_layer": 3}),
        "relations": Relations.model_validate({"teacher_layer": 2, "heads": 4, "student_layer": 1}),
        "labels": Labels(weight=0.5),
    }
    return Objectives(**plain | changes)


def loss_of(head: Head, objectives: Objectives | None = None, **options: Any) -> tuple[TeacherLoss, Any]:
    student = model(head, 1)
    return TeacherLoss(
        model(head, 0, layers=4), student, head, objectives or everything(), **options
    ), student


def softmax_kl(teacher: np.ndarray, student: np.ndarray) -> float:
    p, q = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (teacher, student))
    return float((p * np.log(p / q)).sum())


def test_the_parts_of_one_sequence_equal_what_transformers_computes() -> None:
    """Against output_hidden_states, and attention probabilities of transformers' own eager kernel."""
    loss, student = loss_of("tagging", everything(hidden=HIDDEN))
    teacher = model("tagging", 0, layers=4)
    parts = loss.parts(student, tensors(lesson("tagging", [0])))
    ids = torch.tensor([IDS[0]])
    outputs = []
    for one in (student, teacher):
        one.set_attn_implementation("eager")
        with torch.no_grad():
            outputs.append(one(input_ids=ids, output_hidden_states=True, output_attentions=True))
    own, seen = outputs
    squared = [
        float(((own.hidden_states[at] - seen.hidden_states[other]) ** 2).mean())
        for at, other in ((0, 0), (1, 2), (2, 4))
    ]
    assert parts["hidden"].item() == pytest.approx(sum(squared) / 3, rel=1e-4)
    # attention probabilities p give the scores up to a constant per row, so their KL is that of the scores
    distance = np.mean(
        [
            softmax_kl(
                np.log(seen.attentions[2][0, head, row].numpy()),
                np.log(own.attentions[1][0, head, row].numpy()),
            )
            for head in range(2)
            for row in range(6)
        ]
    )
    value = []
    for one, states, layer in ((student, own.hidden_states[1], 1), (teacher, seen.hidden_states[2], 2)):
        with torch.no_grad():
            value.append(one.roberta.encoder.layer[layer].attention.self.value(states)[0].numpy())
    relation = np.mean(
        [
            softmax_kl(*(v[row, part] @ v[:, part].T / np.sqrt(8) for v in reversed(value)))
            for part in (slice(0, 8), slice(8, 16))
            for row in range(6)
        ]
    )
    assert parts["minilm"].item() == pytest.approx(distance + relation, rel=1e-4)
    wanted = [1, 2, 3]  # the labelled tokens
    soft = [softmax_kl(seen.logits[0, at].numpy() / 3, own.logits[0, at].numpy() / 3) for at in wanted]
    assert parts["logits"].item() == pytest.approx(9 * np.mean(soft), rel=1e-4)
    hard = [-torch.log_softmax(own.logits[0, at], -1)[at - 1].item() for at in wanted]
    assert parts["labels"].item() == pytest.approx(np.mean(hard), rel=1e-4)


@pytest.mark.parametrize("head", HEADS)
def test_an_example_has_the_same_parts_alone_and_beside_others(head: Head) -> None:
    loss, student = loss_of(head)
    together = loss.parts(student, tensors(lesson(head)))
    assert set(together) == {"logits", "hidden", "attention", "minilm", "relations", "labels"}
    for row in range(3):
        alone = loss.parts(student, tensors(lesson(head, [row])))
        for name, values in together.items():
            assert values[row].item() == pytest.approx(alone[name].item(), rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("head", HEADS)
def test_a_batch_in_shares_has_the_gradient_of_the_whole(head: Head) -> None:
    loss, _ = loss_of(head)
    learner, whole = loss.learner(), lesson(head)
    loss(learner, tensors(whole)).backward()
    expected = {name: weight.grad for name, weight in learner.named_parameters() if weight.grad is not None}
    learner.zero_grad(set_to_none=True)
    for number in range(4):  # one of them is empty
        weight = labelled(whole, number, 4) / labelled(whole)
        (loss(learner, tensors(share(whole, number, 4))) * weight).backward()
    assert len(expected) > 20
    for name, weight in learner.named_parameters():
        if name in expected:
            assert torch.allclose(weight.grad, expected[name], atol=1e-5), name


def test_recomputed_activations_give_the_same_gradient() -> None:
    grads = []
    for wanted in (False, True):
        loss, _ = loss_of("tagging")
        learner = loss.learner().train()
        with recomputing(learner, wanted):
            loss(learner, tensors(lesson("tagging"))).backward()
        grads.append(
            {name: weight.grad for name, weight in learner.named_parameters() if weight.grad is not None}
        )
    assert grads[0].keys() == grads[1].keys()
    assert all(torch.allclose(value, grads[1][name], atol=1e-6) for name, value in grads[0].items())


def test_the_teacher_gets_no_gradient_and_the_student_does_everywhere() -> None:
    student, teacher = model("tagging", 1), model("tagging", 0, layers=4)
    loss = TeacherLoss(teacher, student, "tagging", everything())
    loss(student, tensors(lesson("tagging"))).backward()
    assert not any(weight.requires_grad or weight.grad is not None for weight in teacher.parameters())
    assert all(weight.grad is not None for weight in student.parameters())
    assert not any("teacher" in name for name, _ in loss.learner().named_parameters())


def test_the_loss_takes_the_bare_student_which_quantization_aware_training_has_wrapped() -> None:
    """Modules replaced in place after the loss was made are those that are called."""
    wanted = Objectives(logits=Logits.model_validate({}), hidden=HIDDEN)
    loss, student = loss_of("classification", wanted)
    assert not loss.projected
    before = loss(student, tensors(lesson("classification"))).item()

    class Rounded(torch.nn.Linear):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.linear(states, self.weight.round(decimals=1), self.bias)

    for layer in student.roberta.encoder.layer:
        layer.intermediate.dense.__class__ = Rounded
    after = loss(student, tensors(lesson("classification")))
    after.backward()
    assert after.item() != before


def test_a_student_of_other_pieces_is_compared_on_the_pieces_it_has() -> None:
    """Ids of the student in reversed order, and fewer of them: the loss of equal models is zero."""
    teacher = model("mlm", 0)
    pieces = [0, 1, 2, 3, *range(20, 4, -1)]  # the student's id 4 is the teacher's 20
    student = model("mlm", 1, vocab=len(pieces))
    state = teacher.state_dict()
    tables = ("roberta.embeddings.word_embeddings.weight", "lm_head.decoder.weight")
    for name in (*tables, "lm_head.bias", "lm_head.decoder.bias"):
        state[name] = state[name][pieces]
    student.load_state_dict(state)
    wanted = everything(labels=None, minilm=None, relations=None, hidden=HIDDEN)
    loss = TeacherLoss(teacher, student, "mlm", wanted, pieces=pieces)
    parts = loss.parts(student, tensors(lesson("mlm")))
    for values in parts.values():
        assert values.tolist() == pytest.approx([0.0] * 3, abs=1e-5)
    plain = TeacherLoss(teacher, student, "mlm", Objectives(hidden=HIDDEN))
    assert plain.parts(student, tensors(lesson("mlm")))["hidden"].max().item() > 0.01
    with loss.in_ids_of(list(range(3, -1, -1)) + list(range(4, len(pieces)))):
        swapped = tensors(lesson("mlm"))
        swapped["input_ids"] = torch.where(
            swapped["input_ids"] < 4, 3 - swapped["input_ids"], swapped["input_ids"]
        )
        told = loss._as_asked(swapped)["input_ids"]
    assert torch.equal(told, loss._as_asked(tensors(lesson("mlm")))["input_ids"])


def test_widths_may_differ_where_relations_and_projections_compare_them() -> None:
    student = model("mlm", 1, width=8, heads=4)
    relations = Relations.model_validate({"of": ["value"], "heads": 2})
    objectives = Objectives(hidden=HIDDEN, relations=relations)
    loss = TeacherLoss(model("mlm", 0, layers=4), student, "mlm", objectives, seed=5)
    learner = loss.learner()
    names = [name for name, _ in learner.named_parameters() if name.startswith("projections")]
    assert names == [f"projections.{at}.weight" for at in range(3)]
    loss(learner, tensors(lesson("mlm"))).backward()
    assert all(projection.weight.grad.any() for projection in learner.projections.values())
    again = TeacherLoss(model("mlm", 0, layers=4), student, "mlm", objectives, seed=5).learner()
    assert torch.equal(again.projections["0"].weight, learner.projections["0"].weight)


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        ({"attention": Attention.model_validate({})}, "student has 4 and layer 2 of the teacher 2. Use rel"),
        ({"minilm": MiniLM.model_validate({})}, "compare head by head"),
        ({"relations": Relations.model_validate({"heads": 5})}, "a divisor of both widths .* 16 of the student"),
        ({"relations": Relations.model_validate({"teacher_layer": 5})}, "teacher_layer: expected 1 to 4, .* found 5"),
        ({"hidden": Hidden.model_validate({"layers": [[3, 1]]})}, r"expected pairs .*\(0 to 2\).* found \[3, 1\]"),
    ],
)  # fmt: skip
def test_objectives_that_do_not_fit_the_two_are_refused(objectives: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TeacherLoss(model("mlm", 0, layers=4), model("mlm", 1, heads=4), "mlm", Objectives(**objectives))


def test_text_is_a_lesson_without_labels_for_every_head() -> None:
    batch = collate(IDS, GOLD["classification"], [0, 1, 2], 1)
    special = special_tokens(VOCAB)
    for head in ("tagging", "classification", "qa"):
        loss, student = loss_of(head)  # type: ignore[arg-type]
        parts = loss.parts(student, tensors(unlabelled_batch(batch, head, special)))  # type: ignore[arg-type]
        assert parts["labels"].tolist() == [0.0] * 3 and parts["logits"].min().item() > 0


def test_tags_of_a_text_count_between_its_first_token_and_its_last() -> None:
    text = {"input_ids": np.array([[0, 7, 8, 2, 1]]), "attention_mask": np.array([[1, 1, 1, 1, 0]])}
    lesson_of = {head: unlabelled_batch(text, head, special_tokens(VOCAB)) for head in ("tagging", "qa")}  # type: ignore[arg-type]
    assert lesson_of["tagging"]["wanted"].tolist() == [[False, True, True, False, False]]
    assert lesson_of["qa"]["gold"].tolist() == [[-100, -100]] and "wanted" not in lesson_of["qa"]
