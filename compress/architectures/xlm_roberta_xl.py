"""XLM-R XL and XXL (Goyal et al. 2021, arXiv 2105.00572): layer norms before the blocks, one at the end."""

from __future__ import annotations

from dataclasses import replace

from xpareto.compress.architectures.xlm_roberta import ARCHITECTURE as XLM_R

ARCHITECTURE = replace(
    XLM_R,
    model_type="xlm-roberta-xl",
    called="XLM-RoBERTa-XL",
    classes="XLMRobertaXL",
    norm_at_end="encoder.LayerNorm",
    own_shapes=False,
)
