"""Which languages the training of a candidate saw: what of its scores is zero-shot, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xpareto.compress.core import EACH, ENCODER, ENGLISH, parse_source
from xpareto.eval.results.document import Candidate

_LEARNING = ("train", "distill", "quantize_aware", "pretrain")


@dataclass(frozen=True)
class SeenLanguages:
    """Codes, sorted. A language other than English is zero-shot where it is in neither.

    `labels`: of labelled examples, or their translations, of whatever task. `text`: of texts that were named
    language by language. `whole_texts` are names of texts that were read in every language they have, which
    a recipe does not tell.
    """

    labels: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    whole_texts: tuple[str, ...] = ()

    def mark(self, language: str) -> str:
        """Return how a language was seen: "labels", "text", or "" for English and what was not, as far as is told."""
        if language == ENGLISH:
            return ""
        if language in self.labels:
            return "labels"
        return "text" if language in self.text or self.whole_texts else ""

    def __bool__(self) -> bool:
        return bool(set(self.labels) - {ENGLISH} or set(self.text) - {ENGLISH} or self.whole_texts)


def seen_languages(candidate: Candidate) -> SeenLanguages:
    """Return the languages of all that a candidate's chain trained on, its training sets' own included."""
    own = candidate.learnt  # the recipe's own sets, whose languages are not English unless they say another
    labels = {
        code
        for name in candidate.artifacts
        if name != ENCODER
        for code in own.get(name, parse_source(name).languages[:1])
    }
    text: set[str] = set()
    whole: set[str] = set()
    for step in candidate.steps:
        if step.step not in _LEARNING:
            continue
        fields = step.fields
        for name in _names(fields.get("on")):
            if name == ENCODER:
                continue
            if ":" not in name:
                languages = _names(fields.get("languages")) or (ENGLISH,)
                if name == EACH and own:
                    continue  # what each learnt from stands in `artifacts`
                found = languages if name == EACH else parse_source(name, languages).languages
                labels.update(own.get(name, found))
        for name in (
            *(name for name in _names(fields.get("on")) if ":" in name),
            *_names(fields.get("text")),
        ):
            languages = _names(fields.get("text_languages"))
            text.update(languages)
            if not languages:
                whole.add(parse_source(name).name if ":" in name else name)
    return SeenLanguages(*(tuple(sorted(found)) for found in (labels, text, whole)))


def _names(value: object) -> Sequence[str]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(map(str, value))  # type: ignore[call-overload]
