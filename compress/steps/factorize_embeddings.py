"""Make the word embeddings a product of two thin matrices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from xpareto.compress.core import Artifact, Context, DataNeed, Format, InputError, Step, StepResult
from xpareto.compress.data import TOKENIZER, encode_lines, read_lines
from xpareto.compress.models import load_model, save_model
from xpareto.compress.vocabulary import factorize, parameter_bytes, piece_counts, put_low_rank


class FactorizeEmbeddings(Step):
    """Replace the table of word embeddings by a smaller one and a projection, by singular value decomposition.

    A vocabulary x hidden table becomes vocabulary x rank and rank x hidden (as Lan et al. 2020, ALBERT,
    arXiv 1909.11942, section 3.1, train it from the start), which is smaller where the rank is below
    about the hidden width. Any head; a masked LM predicts through the same
    product. The table of a multilingual model holds much in its small singular values, so a low rank
    costs score until the model is trained again: put `train` or `distill` after it.

    With a text, the error of a token counts as often as it occurs there, all languages alike (Chen et
    al. 2018, GroupReduce, arXiv 1806.06950); the share `spread` of the weight goes to all tokens evenly,
    so that those which the text lacks are not given up. The result is the best that its rank allows:
    for `text: null` in the sense of Eckart and Young, and at the full rank the table itself up to rounding.
    The axes of the rank are rotated to carry equal energy, for the int8 rows of quantize_dynamic.

        - {step: factorize_embeddings, rank: 128}
        - {step: factorize_embeddings, energy: 0.9, text: null}
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "numpy")
    quick: ClassVar[Mapping[str, Any]] = {"rank": 0.5}

    rank: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="width of the small table; a share of the hidden width where below 1",
        examples=[128],
    )
    energy: float | None = Field(
        None,
        gt=0,
        le=1,
        description="in place of a rank: the least one that holds this share of the weighted sum of squares",
        examples=[0.9],
    )
    text: str | None = Field(
        "parallel", description="text whose token frequencies weigh the errors; null: all tokens alike"
    )
    languages: list[str] | None = Field(
        None, min_length=1, description="languages of the text; null: all", examples=[["en", "de"]]
    )
    spread: float = Field(
        0.1, gt=0, le=1, description="share of the weight that all tokens get evenly, seen or not"
    )

    @model_validator(mode="after")
    def _check_size(self) -> FactorizeEmbeddings:
        if (self.rank is None) == (self.energy is None):
            raise ValueError("give a rank or an energy, one of the two")
        if self.text is None and self.languages is not None:
            raise ValueError("languages: goes with a text")
        return self

    def needs(self) -> Mapping[str, str]:
        return {"own_shapes": "factorize_embeddings writes a shape of its own of XLM-R and BERT"}

    def reads(self) -> tuple[DataNeed, ...]:
        return () if self.text is None else (DataNeed("text", self.text),)

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:

        assert source is not None, "the plan checks that factorize_embeddings has a source"
        manifest = source.manifest
        model: Any = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
        before = parameter_bytes(model)
        embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
        if isinstance(getattr(output, "weight", None), type(embeddings.weight)) and (
            output.weight is not embeddings.weight
        ):
            raise InputError(
                f"{source.path}: factorize_embeddings: the masked LM head has a table of its own, which a product "
                "would not make smaller. Give a checkpoint with tie_word_embeddings."
            )
        table = embeddings.weight.detach().numpy()
        rank = self._rank(table.shape[1])
        context.progress(0, 2, "weighing tokens")
        weights = self._weights(source.file(TOKENIZER), len(table), context)
        context.progress(1, 2, "decomposing")
        factors = factorize(table, rank=rank, energy=self.energy, weights=weights)
        put_low_rank(model, factors.lookup, factors.projection)
        save_model(model, source.path, target)
        context.progress(2, 2, "done")
        error = np.linalg.norm(factors.lookup @ factors.projection - table) / np.linalg.norm(table)
        notes = {
            "rank": factors.rank,
            "hidden_size": table.shape[1],
            "energy": round(factors.energy, 6),
            "relative_error": round(float(error), 6),
            "weight_bytes": parameter_bytes(model),
            "weight_bytes_before": before,
        }
        return StepResult(
            "torch", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes
        )

    def _rank(self, hidden: int) -> int | None:
        if self.rank is None:
            return None
        rank = max(1, round(self.rank * hidden)) if isinstance(self.rank, float) else self.rank
        if rank > hidden:
            raise InputError(
                f"factorize_embeddings: rank: expected at most {hidden}, the hidden width, found {rank}."
            )
        return rank

    def _weights(self, tokenizer: Path, size: int, context: Context) -> np.ndarray | None:
        """Return the weight of each token, their mean being 1: how often it occurs, languages alike."""

        if self.text is None:
            return None
        rows = encode_lines(
            read_lines("factorize_embeddings", [self.text], self.languages, context.provider), tokenizer
        )
        shares = []
        for encoded_lines in rows.values():
            counts = piece_counts(encoded_lines, size)
            shares.append(counts / counts.sum())
        return (1 - self.spread) * size * np.mean(shares, axis=0) + self.spread


STEP = FactorizeEmbeddings
