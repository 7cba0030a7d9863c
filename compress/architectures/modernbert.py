"""ModernBERT and mmBERT (Warner et al. 2024, arXiv 2412.13663; Marone et al. 2025, arXiv 2509.06888).

Rotary positions, attention that is local in all but every third layer, gated feed-forward blocks, norms before blocks.
"""

from __future__ import annotations

from xpareto.compress.architectures._architecture import Architecture

ARCHITECTURE = Architecture(
    model_type="modernbert",
    called="ModernBERT",
    classes="ModernBert",
    body="model",
    words="embeddings.tok_embeddings",
    layers="layers",
    projections=("attn.Wqkv",),
    ffn_in="mlp.Wi",
    gated=True,
    heads={
        "ForMaskedLM": ("head", "decoder"),
        "ForSequenceClassification": ("head", "classifier"),
        "ForTokenClassification": ("head", "classifier"),
        "ForQuestionAnswering": ("head", "classifier"),
    },
    masked_lm=("head", "decoder"),
    decoder="decoder",
    dropouts=("embedding_dropout", "attention_dropout", "mlp_dropout", "classifier_dropout"),
    activation="hidden_activation",
    per_layer=("layer_types",),
    norm_at_end="final_norm",
    lowest_differs=True,  # it has no norm before its attention
    plain_attention=False,
    pooler_option=False,
)
