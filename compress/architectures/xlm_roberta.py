"""XLM-R (Conneau et al. 2020, arXiv 1911.02116). A BERT is written as the XLM-R that computes the same."""

from __future__ import annotations

from xpareto.compress.architectures._architecture import Architecture

ARCHITECTURE = Architecture(
    model_type="xlm-roberta",
    called="XLM-RoBERTa",
    classes="XLMRoberta",
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
    own_shapes=True,
)
