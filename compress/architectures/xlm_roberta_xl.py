"""XLM-R XL and XXL (Goyal et al. 2021, arXiv 2105.00572): layer norms before the blocks, one at the end."""

from __future__ import annotations

from xpareto.compress.architectures._architecture import Architecture

ARCHITECTURE = Architecture(
    model_type="xlm-roberta-xl",
    called="XLM-RoBERTa-XL",
    classes="XLMRobertaXL",
    body="roberta",
    projections=("attention.self.query", "attention.self.key", "attention.self.value"),
    heads={
        "ForMaskedLM": ("lm_head",),
        "ForSequenceClassification": ("classifier",),
        "ForTokenClassification": ("classifier",),
        "ForQuestionAnswering": ("qa_outputs",),
    },
    masked_lm=("lm_head",),
    decoder="lm_head.decoder",
    decoder_bias="lm_head.bias",
    positions_behind_padding=True,
    norm_at_end="encoder.LayerNorm",
)
