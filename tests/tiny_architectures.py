"""Tiny random bases of every architecture, in the world in which every step runs in moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tiny_world import TEXT, TinyWorld
from xpareto.compress.architectures import ARCHITECTURES
from xpareto.compress.core.artifact import Artifact, Manifest, seal

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SETTINGS: dict[str, dict[str, Any]] = {
    "xlm_roberta": {"max_position_embeddings": 34, "type_vocab_size": 1},
    "xlm_roberta_xl": {"max_position_embeddings": 34, "type_vocab_size": 1},
    "deberta_v2": {
        "max_position_embeddings": 32, "type_vocab_size": 0, "relative_attention": True, "position_buckets": 8,
        "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
    },
    # a layer that looks at all tokens, and one that looks at its neighbours
    "modernbert": {"max_position_embeddings": 32, "local_attention": 6, "cls_token_id": 0, "sep_token_id": 2},
}  # fmt: skip


class TinyArchitecture(TinyWorld):
    """The tiny world on a base of one architecture."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(folder)
        self.architecture = ARCHITECTURES.load(name)

    def config(self) -> Any:
        import transformers

        architecture = self.architecture
        kind = getattr(transformers, architecture.class_name("Config"))
        quiet = dict.fromkeys(architecture.dropouts, 0.0)
        name = architecture.model_type.replace("-", "_")
        ids = {"pad_token_id": 1}
        if name != "deberta_v2":  # of which configs name no other token
            ids |= {"bos_token_id": 0, "eos_token_id": 2}
        return kind(**SIZES, **SETTINGS[name], **ids, **quiet, vocab_size=self.size, initializer_range=0.2)

    def _base(self) -> Artifact:
        import torch
        import transformers

        from xpareto.compress.data.tokenizer_files import write_tokenizer_config
        from xpareto.compress.models.checkpoint import save_model
        from xpareto.compress.pretraining.tokenizer_training import train_tokenizer

        folder = self.folder / "base"
        folder.mkdir()
        self.size = train_tokenizer(TEXT, 130, folder / "tokenizer.json")
        write_tokenizer_config(folder, {"model_max_length": 32})
        torch.manual_seed(0)
        model = getattr(transformers, self.architecture.class_name("ForMaskedLM"))(self.config())
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(torch.randn_like(weight) * 0.02)
        save_model(model, folder, folder)
        return seal(folder, Manifest({}, "torch", "mlm", step="base"))
