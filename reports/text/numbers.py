"""Numbers with their units, in as many digits as they deserve."""

from __future__ import annotations

import math

MINUS = "\u2212"


def number(value: float | None, unit: str) -> str:
    """Return the value with its unit; a dash where there is none.

    >>> number(61.234, "percent"), number(0.01234, "J"), number(52_300, "J"), number(278_000_000, "bytes")
    ('61.2', '12.3 mJ', '52.3 kJ', '278 MB')
    """
    if value is None:
        return "–"
    if unit == "percent":
        return f"{value:.1f}"
    scale, prefixed = prefix(value, unit)
    return f"{three_digits(value / scale)} {prefixed}"


def three_digits(value: float) -> str:
    """Return three significant digits, without an exponent.

    >>> three_digits(1234.6), three_digits(12.345), three_digits(0.0012345)
    ('1235', '12.3', '0.00123')
    """
    if value == 0:
        return "0"
    places = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 9)}f}".replace("-", MINUS)


def points(value: float | None) -> str:
    """Return a difference in percentage points with its sign.

    >>> points(0.04), points(1.25), points(None)
    ('0.0', '+1.2', '–')
    """
    if value is None:
        return "–"
    text = f"{abs(value):.1f}"
    if text == "0.0":
        return text
    return ("+" if value > 0 else MINUS) + text


def ratio(value: float | None) -> str:
    """Return a ratio to the baseline, as 0.25×.

    >>> ratio(0.251), ratio(0.00417), ratio(31.4)
    ('0.25×', '0.0042×', '31×')
    """
    if value is None:
        return "–"
    if 0 < value < 0.095:  # two digits still, however small
        return f"{value:.{1 - math.floor(math.log10(value))}f}×"
    return f"{value:.2f}×" if value < 10 else f"{value:.0f}×"


def factor(value: float | None, unit: str) -> str:
    """Return a ratio of costs as people say it: by how much one is quicker, smaller, lower or higher.

    `value` is a cost over the one that it is compared with, both in `unit`.

    >>> factor(0.05, "ms"), factor(1.25, "ms"), factor(0.2564, "bytes"), factor(4.18, "1/s")
    ('20× quicker', '1.25× slower', '3.9× smaller', '4.2× higher')
    >>> factor(1.001, "ms"), factor(None, "ms")
    ('the same', '–')
    """
    if value is None or value <= 0:
        return "–"
    if _alike(value):
        return "the same"
    return f"{_times(value)} {_comparative(value, unit)}"


def factor_range(low: float | None, high: float | None, unit: str) -> str:
    """Return the ends of a ratio's interval in the words of `factor`; "" where there is none.

    >>> factor_range(0.22, 0.26, "ms"), factor_range(0.9, 1.2, "ms"), factor_range(3.9, 4.4, "1/s")
    ('3.8× to 4.5×', '1.20× slower to 1.11× quicker', '3.9× to 4.4×')
    """
    if low is None or high is None or low <= 0 or low == high:
        return ""
    if beyond_noise(low, high) and not (_alike(low) or _alike(high)):
        return " to ".join(_times(end) for end in sorted((low, high), key=lambda end: abs(math.log(end))))
    return f"{factor(high, unit)} to {factor(low, unit)}"


def factor_found(value: float, low: float | None, high: float | None, unit: str) -> str:
    """Return a ratio with its interval, called a difference only where the interval leaves 1 out.

    >>> factor_found(0.24, 0.22, 0.26, "ms"), factor_found(0.5, 0.5, 0.5, "bytes")
    ('4.2× quicker (3.8× to 4.5×)', '2.0× smaller')
    >>> factor_found(0.98, 0.9, 1.2, "ms"), factor_found(0.24, None, None, "ms")
    ('no quicker beyond noise (1.20× slower to 1.11× quicker)', '4.2× quicker as measured')
    """
    if low is None or high is None:
        return f"{factor(value, unit)} as measured"
    if _alike(value) and low == high:
        return f"no {_comparatives(unit)[0]}"
    spread = factor_range(low, high, unit)
    led = f" ({spread})" if spread else ""
    if beyond_noise(low, high):
        return f"{factor(value, unit)}{led}"
    return f"no {_comparative(value, unit)} beyond noise{led}"


def beyond_noise(low: float, high: float) -> bool:
    """Does the interval of a ratio leave 1 out?"""
    return low > 1 or high < 1


def _alike(value: float) -> bool:
    return abs(math.log(value)) < 0.005


def _times(value: float) -> str:
    """Return by how much, as 4.2×: a ratio below 1 from its other side."""
    size = max(value, 1 / value)
    return f"{size:.2f}×" if size < 2 else f"{size:.1f}×" if size < 10 else f"{size:.0f}×"


def _comparative(value: float, unit: str) -> str:
    return _comparatives(unit)[0 if value < 1 else 1]


def _comparatives(unit: str) -> tuple[str, str]:
    """Return the words for less and for more."""
    return {"ms": ("quicker", "slower"), "bytes": ("smaller", "larger")}.get(unit, ("lower", "higher"))


def duration(seconds: float | None) -> str:
    """Return a time in seconds, or in minutes or hours where it is long.

    >>> duration(12.34), duration(300.0), duration(9000.0), duration(None)
    ('12.3 s', '5.0 min', '2.5 h', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{three_digits(seconds)} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def prefix(value: float, unit: str) -> tuple[float, str]:
    """Return by what to divide values of this size, and the unit that they then have.

    >>> prefix(13_280_000, "bytes"), prefix(2.5, "ms")
    ((1000000.0, 'MB'), (1.0, 'ms'))
    """
    size = abs(value)
    if unit == "bytes":
        for scale, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if size >= scale:
                return scale, name
        return 1.0, "B"
    if unit == "J" and 0 < size < 1:
        return (1e-3, "mJ") if size >= 1e-3 else (1e-6, "µJ")
    if unit == "J" and size >= 1000:
        return (1e6, "MJ") if size >= 1e6 else (1e3, "kJ")
    if unit == "ms" and size >= 10_000:
        return 1e3, "s"
    return 1.0, unit
