"""DeBERTa-v2 and v3, mDeBERTa among them (He et al. 2021, arXiv 2006.03654 and 2111.09543): disentangled attention."""

from __future__ import annotations

from xpareto.compress.architectures._architecture import Architecture

ARCHITECTURE = Architecture(
    model_type="deberta-v2",
    called="DeBERTa-v2",
    classes="DebertaV2",
    body="deberta",
    projections=("attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"),
    heads={
        "ForMaskedLM": ("cls", "lm_predictions"),
        "ForSequenceClassification": ("pooler", "classifier"),
        "ForTokenClassification": ("classifier",),
        "ForQuestionAnswering": ("qa_outputs",),
    },
    masked_lm=("cls",),
    decoder="cls.predictions.decoder",
    decoder_bias="cls.predictions.bias",
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob", "pooler_dropout"),
    plain_attention=False,
    fused_attention=False,
    pooler_option=False,
)
