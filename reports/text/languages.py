"""English names of the languages of XTREME and of its successors, by their code."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from xpareto.eval.results import SeenLanguages

LABELS_SEEN, TEXT_SEEN = "†", "‡"
SEEN_LEGEND = (
    f"{LABELS_SEEN} its training saw labels in this language, {TEXT_SEEN} text in it: not zero-shot."
)

_NAMES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "az": "Azerbaijani", "be": "Belarusian",
    "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish",
    "de": "German", "el": "Greek", "en": "English", "eo": "Esperanto", "es": "Spanish", "et": "Estonian",
    "eu": "Basque", "fa": "Persian", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician",
    "gu": "Gujarati", "ha": "Hausa", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "ht": "Haitian",
    "hu": "Hungarian", "hy": "Armenian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "jv": "Javanese", "ka": "Georgian", "kk": "Kazakh", "ko": "Korean", "la": "Latin",
    "lt": "Lithuanian", "lv": "Latvian", "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi",
    "ms": "Malay", "my": "Burmese", "nl": "Dutch", "no": "Norwegian", "pa": "Punjabi", "pl": "Polish",
    "pt": "Portuguese", "qu": "Quechua", "ro": "Romanian", "ru": "Russian", "sk": "Slovak",
    "sl": "Slovenian", "sq": "Albanian", "sr": "Serbian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu",
    "uz": "Uzbek", "vi": "Vietnamese", "wo": "Wolof", "yo": "Yoruba", "zh": "Chinese",
}  # fmt: skip


def language_codes() -> frozenset[str]:
    """Return the codes whose names are known."""
    return frozenset(_NAMES)


def language_name(code: str) -> str:
    """Return the language's English name, or the code itself where it is not known.

    >>> language_name("th"), language_name("xx")
    ('Thai', 'xx')
    """
    return _NAMES.get(code, code)


def language_title(language: str, seen: SeenLanguages) -> str:
    """Return name and code of a language, marked where a training saw it: see SEEN_LEGEND.

    >>> language_title("de", SeenLanguages(labels=("de",))), language_title("sw", SeenLanguages(labels=("de",)))
    ('German (de) †', 'Swahili (sw)')
    """
    mark = {"labels": f" {LABELS_SEEN}", "text": f" {TEXT_SEEN}", "": ""}[seen.mark(language)]
    return f"{language_name(language)} ({language}){mark}"


def seen_words(
    labels: Sequence[str], text: Sequence[str], whole_texts: Sequence[str], scored: Collection[str]
) -> str:
    """Return which scored languages other than English were trained on, "" for none.

    >>> seen_words(["de", "en"], ["sw"], [], ["de", "en", "sw", "th"])
    'labels in de, text in sw'
    >>> seen_words(["en"], [], ["parallel"], ["en", "th"]), seen_words(["en", "de"], [], [], ["en", "th"])
    ('all languages of the text parallel', '')
    """
    others = set(scored) - {"en"}
    parts = []
    for what, codes in (("labels", labels), ("text", text)):
        if known := sorted(others & set(codes)):
            parts.append(f"{what} in {', '.join(known)}")
    if whole_texts and others:
        parts.append(f"all languages of the text {', '.join(whole_texts)}")
    return ", ".join(parts)
