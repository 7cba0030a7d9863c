"""Make a small XLM-R from text: its tokenizer, then masked and translation language modelling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from xpareto.compress.core import (
    Artifact,
    ChainState,
    Context,
    DataNeed,
    Format,
    Head,
    InputError,
    SpecialTokens,
    Step,
    StepResult,
)
from xpareto.compress.data import (
    TOKENIZER,
    MaskedBatches,
    encode_lines,
    write_tokenizer_config,
)
from xpareto.compress.heads import HEADS
from xpareto.compress.models import save_model
from xpareto.compress.pretraining import aligned_embeddings, train_tokenizer
from xpareto.compress.training import (
    Accumulate,
    Checkpointing,
    Clip,
    Saving,
    Warmup,
    WeightDecay,
    fit,
    schedule_of,
)

if TYPE_CHECKING:
    from xpareto.compress.data import Lines


class Pretrain(Step):
    """Train a tokenizer and an XLM-RoBERTa of any size on parallel text.

    Masked LM and translation LM (Conneau & Lample 2019) on lines drawn uniformly over languages. Its
    own `seed` decides the result, not the run's: all seeds of a run share one base.

        - {step: pretrain, text: parallel, layers: 2, hidden_size: 128, vocab_size: 4000, steps: 600}
    """

    takes: ClassVar[Format | None] = None
    gives: ClassVar[Format] = "torch"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers")
    together: ClassVar[bool] = True
    quick: ClassVar[Mapping[str, Any]] = {
        "vocab_size": 80, "hidden_size": 16, "heads": 2, "ffn": 24, "max_positions": 34, "steps": 2,
        "max_length": 16,
    }  # fmt: skip

    text: str = Field("parallel", description="name of the text")
    vocab_size: int = Field(4000, ge=64, description="pieces at most, special tokens included")
    layers: int = Field(2, ge=1, description="transformer layers")
    hidden_size: int = Field(128, ge=8, description="width of the hidden states")
    heads: int = Field(4, ge=1, description="attention heads of a layer; they divide hidden_size")
    ffn: int = Field(512, ge=8, description="width of the feed-forward layers")
    max_positions: int = Field(258, ge=18, description="two more than the longest input in subwords")
    dropout: float = Field(0.0, ge=0, lt=1, description="probability, written to the config too")
    steps: int = Field(600, ge=1, description="updates")
    batch_size: int = Field(32, ge=1, description="inputs; a pair of translations is one")
    accumulate: Accumulate = 1
    max_length: int = Field(64, ge=16, description="longest training input in subwords")
    learning_rate: float = Field(1e-3, gt=0, description="the highest rate, reached after the warm-up")
    warmup: Warmup = 0.06
    weight_decay: WeightDecay = 0.01
    clip: Clip = 1.0
    mask: float = Field(0.15, gt=0, lt=1, description="share of the tokens to be guessed")
    translation: float = Field(0.5, ge=0, le=1, description="share of inputs that are two translations")
    align: bool = Field(True, description="start from embeddings in which translations lie together")
    align_scale: float = Field(0.05, gt=0, description="standard deviation of these embeddings")
    align_fixed: bool = Field(False, description="leave these embeddings as they are; only the rest learns")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="of the products; auto: bf16 where the hardware is seen to be quicker with it, else fp32",
    )
    gradient_checkpointing: Checkpointing = False
    seed: int = Field(0, ge=0, description="decides the weights, whatever the run's seed is")

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        return state.having(head="mlm")

    def reads(self) -> tuple[DataNeed, ...]:
        return (DataNeed("text", self.text),)

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        import transformers

        if self.hidden_size % self.heads:
            raise InputError(
                f"pretrain: hidden_size: expected a multiple of heads ({self.heads}), found {self.hidden_size}."
            )
        if self.max_length > self.max_positions - 2:
            raise InputError(
                f"pretrain: max_length: expected at most max_positions - 2 = {self.max_positions - 2}, "
                f"found {self.max_length}."
            )
        text = context.provider.text(self.text)
        if not any(line for lines in text.values() for line in lines):
            raise InputError(f"pretrain: text: {self.text} holds no line. Check its files.")
        if (self.translation or self.align) and len({len(lines) for lines in text.values()}) != 1:
            raise InputError(
                f"pretrain: text: {self.text} has not the same number of lines in every language, so line i is not "
                "one sentence. Give parallel text, or set translation: 0 and align: false."
            )
        context.progress(0, self.steps, "training the tokenizer")
        size = train_tokenizer(text, self.vocab_size, target / TOKENIZER)
        write_tokenizer_config(target, {"model_max_length": self.max_positions - 2})
        special = SpecialTokens.read(target / TOKENIZER)
        lines = encode_lines(text, target / TOKENIZER)
        config = transformers.XLMRobertaConfig(
            vocab_size=size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.ffn,
            max_position_embeddings=self.max_positions,
            hidden_dropout_prob=self.dropout,
            attention_probs_dropout_prob=self.dropout,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            bos_token_id=special.bos,
            pad_token_id=special.pad,
            eos_token_id=special.eos,
        )
        model = _new_model(config, self.seed)
        if self.align:
            _align(model, lines, self.align_scale, self.seed, context.threads)
            model.get_input_embeddings().weight.requires_grad_(not self.align_fixed)
        fitted = fit(
            model,
            MaskedBatches(
                lines,
                batch_size=self.batch_size,
                max_length=self.max_length,
                special=special,
                share=self.mask,
                translation=self.translation,
                seed=self.seed,
            ),
            HEADS["mlm"].loss,
            schedule_of(self, betas=(0.9, 0.98)),
            seed=self.seed,
            threads=context.threads,
            progress=context.progress,
            saving=Saving(context.scratch, context.save_minutes),
        )
        if context.first:
            save_model(model, target, target)
        notes = {
            **fitted.notes(),
            "languages": sorted(text),
            "lines": max(len(rows) for rows in lines.values()),
            "tokens": sum(len(row) for rows in lines.values() for row in rows),
            "vocab_size": size,
            "parameters": sum(weight.numel() for weight in model.parameters()),
        }
        return StepResult("torch", "mlm", notes=notes)


def _new_model(config: Any, seed: int) -> Any:
    import torch
    import transformers

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transformers.XLMRobertaForMaskedLM(config)


def _align(model: Any, lines: Lines, scale: float, seed: int, threads: int) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    weight = model.get_input_embeddings().weight
    vectors = torch.from_numpy(aligned_embeddings(lines, weight.shape[0], weight.shape[1], seed)) * scale
    seen = vectors.abs().sum(dim=1) > 0
    with torch.no_grad():
        weight[seen] = vectors[seen]
    torch.set_num_threads(before)


STEP = Pretrain
