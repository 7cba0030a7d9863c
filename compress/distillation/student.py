"""A student: a smaller model made of its teacher's parts, or drawn anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import Head, InputError
from xpareto.compress.distillation.layer_map import taken_layers
from xpareto.compress.models import Place, load_model


class Student(BaseModel):
    """The shape of a student and where its first weights come from; null: the source's own size."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    layers: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="null: as many as the source; below 1: a share of them", examples=[6]
    )
    take: Place | Annotated[list[int], Field(min_length=1)] = Field(
        "spread",
        description="which of the source's layers it is made of, as prune_depth says: spread (every k-th, "
        "the last among them), bottom, top, ends, or a list counted from 0",
    )
    hidden_size: int | None = Field(None, ge=1, description="null: the source's", examples=[384])
    heads: int | None = Field(None, ge=1, description="attention heads; null: the source's", examples=[12])
    ffn: int | None = Field(
        None, ge=1, description="width of the feed-forward layers; null: the source's", examples=[1536]
    )
    init: Literal["source", "fresh"] = Field(
        "source",
        description="source: layers are the source's where every width is, and narrower embeddings are its "
        "own, projected on their principal directions; fresh: all weights are drawn",
    )


def make_student(
    folder: Path,
    head: Head,
    labels: tuple[str, ...],
    wanted: Student,
    *,
    seed: int,
    dropout: float | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Return the student of the checkpoint in `folder`, in evaluation mode, and what it is made of.

    Weights that are not the source's are drawn with the seed. InputError where the sizes do not fit.
    """

    source: Any = load_model(folder, head, labels, keep_head=True, dropout=dropout)
    body, config = source.base_model, source.config
    architecture = architecture_of(source)
    many = config.num_hidden_layers
    named = len(wanted.take) if isinstance(wanted.take, list) else many
    layers = (
        max(1, round(wanted.layers * many)) if isinstance(wanted.layers, float) else wanted.layers or named
    )
    sizes = {
        "hidden_size": wanted.hidden_size or config.hidden_size,
        "num_attention_heads": wanted.heads or config.num_attention_heads,
        "intermediate_size": wanted.ffn or config.intermediate_size,
    }
    same = all(getattr(config, name) == size for name, size in sizes.items())
    if wanted.init == "source" and same:
        taken = taken_layers(wanted.take, layers, many, lowest_stays=architecture.lowest_differs)
        architecture.put_layers(body, taken)
        return source, {"taken_layers": list(taken), "fresh": []}
    student = _fresh(source, {**sizes, "num_hidden_layers": layers}, seed)
    if wanted.init == "fresh":
        return student, {"taken_layers": [], "fresh": ["embeddings", "layers", "head"]}
    if student.config.hidden_size > config.hidden_size:
        raise InputError(
            f"distill: student: hidden_size: expected at most {config.hidden_size}, the source's, found "
            f"{student.config.hidden_size}. Lower it, or set init: fresh."
        )
    narrower = student.config.hidden_size < config.hidden_size
    if narrower and not architecture.own_shapes:
        raise InputError(
            f"distill: student: hidden_size: only of XLM-R and BERT are embeddings projected to another width; this is "
            f"{architecture.called}. Leave hidden_size out, or set init: fresh."
        )
    _take_embeddings(source, student)
    if not narrower:
        _take_head(source, student)
    return student.eval(), {"taken_layers": [], "fresh": ["layers", *(["head"] if narrower else [])]}


def _fresh(source: Any, sizes: dict[str, int], seed: int) -> Any:
    """Return a model of the source's class with other sizes, all weights drawn."""
    import copy

    import torch
    import transformers

    if sizes["hidden_size"] % sizes["num_attention_heads"]:
        raise InputError(
            f"distill: student: hidden_size: expected a multiple of heads ({sizes['num_attention_heads']}), found "
            f"{sizes['hidden_size']}."
        )
    config = copy.deepcopy(source.config)
    if hasattr(config, "xpareto_shape"):  # see compress.models.heterogeneous_layers
        del config.xpareto_shape
    for name, size in sizes.items():
        setattr(config, name, size)
    architecture = architecture_of(source)
    for name in architecture.per_layer:
        given = getattr(config, name)
        setattr(config, name, [given[at % len(given)] for at in range(config.num_hidden_layers)])
    bare = source.base_model is source and architecture.pooler_option
    options = {"add_pooling_layer": False} if bare else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return getattr(transformers, type(source).__name__)(config, **options).eval()


def _take_embeddings(source: Any, student: Any) -> None:
    """Give the student the source's embeddings, projected on their principal directions where it is narrower.

    The directions are the leading right singular vectors of the word embeddings: of all tables of that
    rank, their products with the table are the nearest in the sum of squares (Eckart & Young 1936).
    """
    import torch

    theirs, ours = source.base_model.embeddings, student.base_model.embeddings
    width = student.config.hidden_size
    if not architecture_of(source).own_shapes:
        ours.load_state_dict(theirs.state_dict())
        return
    with torch.no_grad():
        table = theirs.word_embeddings(torch.arange(source.config.vocab_size))
        directions = torch.eye(table.shape[1]) if width == table.shape[1] else _directions(table, width)
        ours.word_embeddings.weight.copy_(table @ directions)
        for name in ("position_embeddings", "token_type_embeddings"):
            getattr(ours, name).weight.copy_(getattr(theirs, name).weight @ directions)
        if width == table.shape[1]:
            ours.LayerNorm.load_state_dict(theirs.LayerNorm.state_dict())


def _directions(table: Any, width: int) -> Any:
    """Return the `width` leading right singular vectors as columns, (D, width), the largest entry positive."""
    import torch

    _, vectors = torch.linalg.eigh(table.double().T @ table.double())  # rising eigenvalues
    leading = vectors.flip(1)[:, :width]
    largest = leading.gather(0, leading.abs().argmax(0, keepdim=True))
    return (leading * largest.sign()).to(table.dtype)


def _take_head(source: Any, student: Any) -> None:
    """Give the student the source's head, which reads states of the same width."""
    for name, part in source.named_children():
        if part is not source.base_model:
            getattr(student, name).load_state_dict(part.state_dict())
