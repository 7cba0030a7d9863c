"""Lines of the data's texts, without the empty ones, for steps that count what occurs."""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.compress.core import DataProvider, InputError, hint


def read_lines(
    step: str, names: Sequence[str], languages: Sequence[str] | None, provider: DataProvider
) -> dict[str, list[str]]:
    """Return the lines of some texts together by language, sorted; those asked for, or all that have lines.

    InputError, naming the step, where a language that is asked for has no line, or nothing has one.
    """
    lines_by_language: dict[str, list[str]] = {}
    for name in names:
        for language, lines in provider.text(name).items():
            lines_by_language.setdefault(language, []).extend(line for line in lines if line.strip())
    lines_by_language = {language: lines for language, lines in lines_by_language.items() if lines}
    title = ", ".join(names)
    for language in languages or ():
        if language not in lines_by_language:
            raise InputError(
                f'{step}: languages: the text {title} has no line in "{language}".{hint(language, lines_by_language)} '
                f"It has: {', '.join(sorted(lines_by_language)) or 'none'}."
            )
    if not lines_by_language:
        raise InputError(f"{step}: text: {title} holds no line. Check its files.")
    return {language: lines_by_language[language] for language in sorted(languages or lines_by_language)}
