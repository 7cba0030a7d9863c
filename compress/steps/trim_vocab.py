"""Keep the tokens that some languages need, and leave the others out of tokenizer and model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from xpareto.compress.core import (
    Artifact,
    Context,
    DataNeed,
    Format,
    InputError,
    Step,
    StepResult,
    hint,
    read_json,
)
from xpareto.compress.data import TOKENIZER, TOKENIZER_CONFIG, encode_lines, read_lines
from xpareto.compress.models import load_model, save_model
from xpareto.compress.vocabulary import (
    NEVER,
    SCRIPTS,
    TokenizerFile,
    audit,
    by_script,
    chosen,
    entry_shares,
    keep_rows,
    name_of,
    parameter_bytes,
    piece_counts,
    scripts_in_use,
    scripts_of,
)

if TYPE_CHECKING:
    from xpareto.compress.vocabulary import TokenizerFile

Text = Mapping[str, Sequence[str]]  # language -> lines


class TrimVocab(Step):
    """Keep the pieces that the languages of a text use, or those of some scripts; drop the other rows.

    Any head, before or after training (Abdaoui et al. 2020, arXiv 2010.05609;
    Ushio et al. 2023, arXiv 2305.15020, who compare both orders). A text whose tokens are all kept is
    split as before, ties included, and the model answers it with the same bits: rows are moved, nothing
    is computed, and `compress/vocabulary/tokenizer_json.py` proves the split.

    Which pieces: of each language the most frequent ones that make up the share `coverage` of its
    tokens, those in `scripts` besides. With `pieces`, at most so many in all, chosen so that the least
    covered language is covered best. Whatever the fields say, the special and other added tokens stay,
    the ids up to that of <pad> (positions are counted from it), the 256 bytes of a tokenizer that falls
    back on them, and one piece with the lowest score. `characters` decides on single characters (of
    WordPiece, c and ##c), which keep a text from <unk>:

    scripts: those of every script that the languages are written in, and digits, punctuation, symbols.
    seen: those that occur in a piece that the languages use. all. none: like any piece.

    With `scripts`, every text in these scripts is split as before. The notes hold an audit of each
    language that the text has, kept or not: <unk> rate, fertility, share of texts unchanged. It tells
    more where `audit` names a text that the pieces were not chosen by.

    Unigram tokenizers, which XLM-R and its relatives have, and WordPiece, as BERT's. The latter has no
    scores: where they would decide, the lower id does. And a word that it could not read as a whole may
    be read once the piece is gone that led into its dead end, where a Unigram text never changes.

        - {step: trim_vocab, text: [parallel, mono], languages: [de, en, fr], coverage: 0.999}
        - {step: trim_vocab, pieces: 60000}
        - {step: trim_vocab, text: null, scripts: [Latin]}
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "tokenizers", "regex")
    threaded: ClassVar[bool] = False

    text: str | list[str] | None = Field(
        "parallel", description="texts of the data to count pieces on; null: choose by scripts alone"
    )
    languages: list[str] | None = Field(
        None,
        min_length=1,
        description="keep the pieces of these languages of the text; null: of all",
        examples=[["de", "en"]],
    )
    coverage: float = Field(
        1.0, gt=0, le=1, description="share of the tokens of each language whose pieces are kept"
    )
    min_count: int = Field(1, ge=1, description="leave out pieces that the languages together use less often")
    pieces: int | None = Field(
        None, ge=5, description="keep at most so many, special tokens included", examples=[60000]
    )
    scripts: list[str] | None = Field(
        None,
        min_length=1,
        description="keep also all pieces in these scripts, with digits and punctuation",
        examples=[["Latin"]],
    )
    characters: Literal["scripts", "seen", "all", "none"] = Field(
        "scripts", description="which pieces of one character to keep in any case"
    )
    audit: str | list[str] | None = Field(
        None,
        description="texts to tell the effect on; null: those that the pieces are counted on",
        examples=["mono"],
    )
    audit_lines: int = Field(2000, ge=1, description="first lines of each language that are audited")

    @field_validator("scripts")
    @classmethod
    def _check_scripts(cls, value: list[str] | None) -> list[str] | None:
        for name in value or ():
            if name not in SCRIPTS:
                raise ValueError(f'unknown script "{name}".{hint(name, SCRIPTS)} Known: {", ".join(SCRIPTS)}')
        return value

    @model_validator(mode="after")
    def _check_source(self) -> TrimVocab:
        if not self.counted and self.scripts is None:
            raise ValueError("nothing says what to keep: give a text, or scripts")
        if not self.counted and self.languages is not None:
            raise ValueError("languages: goes with a text; for scripts alone leave it out")
        return self

    @property
    def counted(self) -> tuple[str, ...]:
        """The names of the texts that pieces are counted on."""
        return _names(self.text)

    @property
    def audited(self) -> tuple[str, ...]:
        """The names of the texts that are audited."""
        return self.counted if self.audit is None else _names(self.audit)

    def reads(self) -> tuple[DataNeed, ...]:
        return tuple(DataNeed("text", name) for name in dict.fromkeys([*self.counted, *self.audited]))

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:

        assert source is not None, "the plan checks that trim_vocab has a source"
        manifest = source.manifest
        tokenizer = TokenizerFile.read(source.file(TOKENIZER))
        config = read_json(source.file("config.json"))
        context.progress(0, 4, "counting pieces")
        added = tokenizer.added
        scripts = [frozenset() if at in added else scripts_of(one) for at, one in enumerate(tokenizer.tokens)]
        counts, heads = self._counts(tokenizer, context)
        kept, coverage = self._choose(tokenizer, int(config["pad_token_id"]), counts, scripts)

        context.progress(1, 4, "writing the tokenizer")
        _write_tokenizer(tokenizer, kept, source, target)
        context.progress(2, 4, "keeping rows")
        model = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
        before = parameter_bytes(model)
        keep_rows(model, kept)
        after = parameter_bytes(model)
        save_model(model, target, target)
        del model

        context.progress(3, 4, "audit")
        audits = self._audit(tokenizer, kept, target / TOKENIZER, heads, context)
        names = [
            "Added" if at in added else name_of(token_scripts) for at, token_scripts in enumerate(scripts)
        ]
        context.progress(4, 4, "done")
        notes: dict[str, Any] = {
            "pieces": len(kept),
            "pieces_before": len(tokenizer.tokens),
            "pieces_by_script": by_script(names, kept),
            "coverage": coverage,
            "audit": audits,
            "weight_bytes": after,
            "weight_bytes_before": before,
            "weight_bytes_saved": {name: before[name] - after[name] for name in before},
        }
        return StepResult(
            "torch", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes
        )

    def _choose(
        self,
        tokenizer: TokenizerFile,
        pad: int,
        counts: Mapping[str, np.ndarray],
        scripts: Sequence[frozenset[str]],
    ) -> tuple[np.ndarray, dict[str, float]]:
        """Return the ids to keep, and the share of each language's tokens that they make up."""

        tokens = tokenizer.tokens
        entries = entry_shares(counts, self.min_count) if counts else np.full(len(tokens), NEVER)
        named_scripts = frozenset(self.scripts or ())
        written = named_scripts.union(*scripts_in_use(counts, scripts).values())
        needed = np.union1d(tokenizer.needed(), np.arange(pad + 1))
        always = np.union1d(needed, self._characters(tokenizer, scripts, written, entries))
        in_scripts = (
            [at for at, token_scripts in enumerate(scripts) if token_scripts <= named_scripts]
            if named_scripts
            else []
        )
        then = np.array(sorted(in_scripts, key=tokenizer.rank), dtype=np.int64)
        if self.pieces is not None and self.pieces < len(always):
            raise InputError(
                f"trim_vocab: pieces: expected at least {len(always)}, since special tokens and single characters "
                f"are kept in any case, found {self.pieces}. Raise it, or set characters: seen or none."
            )
        kept = chosen(always, entries, then, self.coverage, self.pieces)
        if len(kept) == len(needed):
            raise InputError(
                f"trim_vocab: nothing is kept but the {len(needed)} special tokens. Lower min_count, raise "
                "coverage, or name other texts."
            )
        covered = {
            language: round(float(piece_uses[kept].sum() / max(1, piece_uses.sum())), 6)
            for language, piece_uses in counts.items()
        }
        return kept, covered

    def _counts(
        self, tokenizer: TokenizerFile, context: Context
    ) -> tuple[dict[str, np.ndarray], dict[str, Sequence[Sequence[int]]]]:
        """Return how often each language uses each piece, and the ids of the first lines, for the audit."""

        if not self.counted:
            return {}, {}
        text = read_lines("trim_vocab", self.counted, self.languages, context.provider)
        rows = encode_lines(text, tokenizer.file)
        size = len(tokenizer.tokens)
        heads = {language: language_rows[: self.audit_lines] for language, language_rows in rows.items()}
        return {
            language: piece_counts(language_rows, size) for language, language_rows in rows.items()
        }, heads

    def _characters(
        self,
        tokenizer: TokenizerFile,
        scripts: Sequence[frozenset[str]],
        written: frozenset[str],
        entries: np.ndarray,
    ) -> np.ndarray:
        """Return the ids of the single characters that are kept in any case."""
        letters = [tokenizer.letters(at) for at in range(len(tokenizer.tokens))]
        seen = {letter for at in np.flatnonzero(np.isfinite(entries)).tolist() for letter in letters[at]}
        wanted = {
            "all": lambda at: True,
            "none": lambda at: False,
            "seen": lambda at: letters[at] in seen,
            "scripts": lambda at: scripts[at] <= written,
        }[self.characters]
        kept_ids = [at for at, one in enumerate(letters) if len(one) == 1 and wanted(at)]
        return np.array(kept_ids, dtype=np.int64)

    def _audit(
        self,
        tokenizer: TokenizerFile,
        kept: np.ndarray,
        new: Path,
        heads: Mapping[str, Sequence[Sequence[int]]],
        context: Context,
    ) -> dict[str, dict[str, Any]]:

        if not self.audited:
            return {}
        unknown = -1 if tokenizer.unknown is None else tokenizer.unknown
        ids = (unknown, int(np.searchsorted(kept, unknown)))
        whole = read_lines("trim_vocab", self.audited, None, context.provider)
        text = {language: lines[: self.audit_lines] for language, lines in whole.items()}
        # What was counted is not split once more: reading a large tokenizer alone takes seconds.
        known = heads if self.audited == self.counted else {}
        left = {language: lines for language, lines in text.items() if language not in known}
        before = {**known, **(encode_lines(left, tokenizer.file) if left else {})}
        after = encode_lines(text, new)
        return {
            language: audit(lines, before[language], after[language], kept, ids)
            for language, lines in text.items()
        }


def _names(value: str | list[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _write_tokenizer(tokenizer: TokenizerFile, kept: np.ndarray, source: Artifact, target: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json with the kept ids, numbered anew."""

    text = json.dumps(tokenizer.keeping(kept), ensure_ascii=False, separators=(",", ":"))
    (target / TOKENIZER).write_text(text, encoding="utf-8")
    settings = read_json(source.file(TOKENIZER_CONFIG))
    if "added_tokens_decoder" in settings:  # as transformers 4 wrote it: id -> token
        new = {str(old): str(at) for at, old in enumerate(kept)}
        settings["added_tokens_decoder"] = {
            new[old]: token for old, token in settings["added_tokens_decoder"].items() if old in new
        }
    text = json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False)
    (target / TOKENIZER_CONFIG).write_text(text + "\n", encoding="utf-8")


STEP = TrimVocab
