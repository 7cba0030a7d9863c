"""Operations and bytes of an encoder that torch runs, from its configuration: a closed formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import Artifact
from xpareto.compress.heads import HEADS
from xpareto.compress.models import shape_in, stored_bytes
from xpareto.eval.roofline.onnx_operations import Work
from xpareto.eval.runtimes import model_config

_INT64 = 8


def encoder_work(artifact: Artifact, batch: int, length: int, precision: str = "fp32") -> Work:
    """Return the work of a torch artifact for inputs (batch, length); layers may differ in width.

    A layer with attention width w and f neurons does tokens (8 h w + 4 h f) + 4 batch length² w operations
    (Kaplan et al. 2020, table 1, with the products of queries and keys, and of weights and values), a gated one
    tokens 2 h f more; DeBERTa's maps and products of relative positions are added. In
    `precision` bf16 each weight has two bytes, whatever the file has. Activations are not counted, since
    torch's kernels keep many of them in registers.
    """
    config = model_config(artifact)
    hidden, shape = int(config["hidden_size"]), shape_in(config, str(artifact.path / "config.json"))
    tokens, head, labels = batch * length, HEADS[artifact.manifest.head], len(artifact.manifest.labels)
    architecture = architecture_of(config)
    widths = [heads * shape.head_size for heads in shape.heads]
    architecture, spans = architecture_of(config), _relative_positions(config)
    parts = {
        "attention": sum(8 * tokens * hidden * w + 4 * batch * length**2 * w for w in widths)
        + sum(4 * spans * w * (tokens + hidden) for w in widths),
        "ffn": sum((6 if architecture.gated else 4) * tokens * hidden * f for f in shape.ffn),
        "embeddings": 2 * tokens * hidden * (shape.embedding_rank or 0),
        "head": head.operations(batch, tokens, hidden, labels),
    }
    sizes = stored_bytes(artifact.file("model.safetensors"))
    words = int(config["vocab_size"])
    rows = {"word": words, "tok": words, "position": int(config["max_position_embeddings"]),
            "token_type": int(config.get("type_vocab_size", 1))}  # fmt: skip
    total = 0
    for name, size in sizes.items():
        table = next((n for kind, n in rows.items() if f"{kind}_embeddings" in name), None)
        is_table = table is not None and size >= 4 * table and "projection" not in name
        total += size * min(tokens, table) // table if is_table and table else size
    if precision == "bf16":
        total //= 2
    values = (tokens if head.per_token else batch) * head.output_width(labels, hidden)
    boundary = 2 * _INT64 * tokens + 4 * values
    kept = {name: value for name, value in parts.items() if value}
    return Work({precision: sum(parts.values())}, total, boundary, None, kept)


def _relative_positions(config: Mapping[str, Any]) -> int:
    """Return the relative positions of one direction that DeBERTa tells apart, for each of pos_att_type; else 0."""
    if not config.get("relative_attention"):
        return 0
    most = int(config.get("max_relative_positions", -1))
    span = int(config.get("position_buckets", -1))
    if span < 1:
        span = most if most > 0 else int(config["max_position_embeddings"])
    return span * len(config.get("pos_att_type") or ())
