"""What sentence-transformers' files beside a checkpoint say of a sentence's vector: modules.json and what it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, checked, load_json, plain_name, read_json, why
from xpareto.compress.data import TOKENIZER_CONFIG
from xpareto.compress.heads import POOLINGS, SentenceVectors

MODULES = "modules.json"
PROMPTS = "config_sentence_transformers.json"
CUTS = "sentence_bert_config.json"
_EARLIER_CUTS = ("sentence_roberta_config.json", "sentence_xlm-roberta_config.json")
BESIDE_SENTENCE_ENCODER = (MODULES, "*_Pooling/config.json", PROMPTS, CUTS, *_EARLIER_CUTS)
FLAGS: Mapping[str, str] = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""Each pooling as a switch in 1_Pooling/config.json: what sentence-transformers wrote before 6, and reads."""
_SHORTEST = 3  # tokens: two are special


def read_sentences(folder: Path, positions: int) -> tuple[SentenceVectors, tuple[Path, ...]]:
    """Return how a checkpoint folder's model makes a sentence's vector, and the files that say so.

    The mean of whole sentences, and no file, where there is no modules.json. `positions`: the most tokens that the
    model reads. InputError where files are damaged. What xpareto cannot compute is named in the answer.
    """
    file = folder / MODULES
    if not file.is_file():
        return SentenceVectors(), ()
    parts = _modules(file)
    kinds = [kind for kind, _ in parts]
    files, settings = [file], {}
    for kind, path in parts:
        if kind == "Pooling":
            files.append(folder / plain_name(path, f"{file}: path of the {kind}") / "config.json")
            settings = read_json(files[-1])
    pooling = _pooling(settings)
    told = {
        name: read_json(folder / name)
        for name in (PROMPTS, CUTS, *_EARLIER_CUTS)
        if (folder / name).is_file()
    }
    files += [folder / name for name in told]
    said = told.get(PROMPTS, {})
    cuts = next((told[name] for name in (CUTS, *_EARLIER_CUTS) if name in told), {})
    prompts = {name: text for name, text in _prompts(said, folder / PROMPTS).items() if text}
    made = SentenceVectors(
        pooling=pooling,
        normalize=kinds[-1:] == ["Normalize"],
        longest=_longest(folder, cuts, positions),
        prompts=prompts,
        default_prompt=name if (name := said.get("default_prompt_name")) in prompts else None,
        include_prompt=settings.get("include_prompt") is not False,
        similarity=str(by) if (by := said.get("similarity_fn_name")) not in (None, "cosine") else None,
    )
    unread = _unread(kinds, made, cuts)
    return (SentenceVectors(unread=unread) if unread else made), tuple(files)


def _modules(file: Path) -> list[tuple[str, str]]:
    """Return (class, folder) of each module."""
    try:
        return [(str(one["type"]).rpartition(".")[2], str(one.get("path", ""))) for one in load_json(file)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: expected a list of modules, each with a type and a path, found none ({why(error)}). "
            "Download it again."
        ) from error


def _pooling(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the parts of a pooling's settings; none where all are switched off."""
    named = settings.get("pooling_mode")  # as version 6 writes it
    if named is not None:
        return (named,) if isinstance(named, str) else tuple(map(str, named))
    told = {name: settings[flag] for name, flag in FLAGS.items() if flag in settings}
    return tuple(name for name in POOLINGS if told.get(name) is True) if told else ("mean",)


def _prompts(said: Mapping[str, Any], file: Path) -> dict[str, str]:
    prompts: dict[str, str | None] = checked(
        dict[str, str | None], said.get("prompts") or {}, f"{file}: prompts", "Download it again."
    )
    default = said.get("default_prompt_name")
    if default is not None and default not in prompts:
        raise InputError(
            f"{file}: default_prompt_name: expected one of the prompts ({', '.join(prompts) or 'none'}), found "
            f"{default!r}. Give the file that belongs to the model."
        )
    return {name: text or "" for name, text in prompts.items()}


def _longest(folder: Path, cuts: Mapping[str, Any], positions: int) -> int | None:
    """Return to how many tokens a sentence is cut; None where the model's positions alone bound it."""
    file, name = folder / CUTS, "max_seq_length"
    longest = cuts.get(name)
    if longest is None and (folder / TOKENIZER_CONFIG).is_file():
        file, name = folder / TOKENIZER_CONFIG, "model_max_length"
        longest = read_json(file).get(name)
    if longest is None:
        return None
    if type(longest) not in (int, float) or longest < _SHORTEST:
        raise InputError(f"{file}: {name}: expected at least {_SHORTEST} tokens, found {longest!r}.")
    return int(longest) if longest < positions else None


def _unread(kinds: list[str], made: SentenceVectors, cuts: Mapping[str, Any]) -> str:
    """Return what of a sentence encoder xpareto cannot compute, "" where there is nothing."""
    other = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if other:
        return f"a module {other[0]}"
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return f"the modules {', '.join(kinds)}"
    in_order = [name for name in POOLINGS if name in made.pooling]
    if not made.pooling or [*made.pooling] != in_order:  # a part that is unknown, too
        return f"the pooling {'+'.join(made.pooling) or 'none'}"
    if made.prompt and not made.include_prompt:
        return f"a pooling that leaves out the prompt {made.prompt!r} (include_prompt)"
    if cuts.get("do_lower_case"):
        return f"text in lower case (do_lower_case in {CUTS})"
    text = (cuts.get("modality_config") or {}).get("text") or {}
    output = text.get("method_output_name", "last_hidden_state")
    if output not in ("last_hidden_state", ["last_hidden_state"]):
        return f"another output than last_hidden_state ({output}, in {CUTS})"
    return ""
