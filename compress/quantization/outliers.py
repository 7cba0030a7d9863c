"""Where the outliers of a model's activations are: by tensor, channel and language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xpareto.compress.quantization.observers import ActivationStats, Histogram

PERCENTILE = 99.9
_TOP_CHANNELS = 5
_BY_LANGUAGE = 12  # tensors that are told by language, the most outlying ones: notes stay bounded


def outlier_ratio(histogram: Histogram, peak: float) -> float:
    """Return the greatest magnitude over the 99.9th percentile of magnitudes: 1 to 2 without outliers."""
    usual = histogram.magnitude_quantile(PERCENTILE / 100)
    return peak / usual if usual > 0 else 1.0


def outlier_report(
    stats: Mapping[str, ActivationStats], readers: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return plain data: of every tensor its extremes, kurtosis, ratio and the channels that stand out.

    `readers` gives the products that read each tensor, by which a user knows it.

    `max_over_p99.9` is the greatest magnitude over the 99.9th percentile; kurtosis is 3 for a normal
    distribution, and outliers in a few fixed channels (Bondarenko et al. 2021, section 3) drive both up.
    A channel's number is followed by its greatest magnitude over the median channel's. The tensors
    of the greatest ratio are told by language as well, with the language where each is worst.
    """
    whole = {name: {"read_by": list(readers[name]), **_described(one, None)} for name, one in stats.items()}
    order = sorted(whole, key=lambda name: (-whole[name]["max_over_p99.9"], name))
    languages = {
        name: {language: _described(stats[name], language) for language in stats[name].languages}
        for name in order[:_BY_LANGUAGE]
    }
    return {
        "tensors": whole,
        "by_language": {
            name: {
                "worst": max(
                    by_language, key=lambda language: (by_language[language]["max_over_p99.9"], language)
                ),
                "languages": by_language,
            }
            for name, by_language in languages.items()
        },
    }


def _described(stats: ActivationStats, language: str | None) -> dict[str, Any]:
    if language is None:
        histogram, peaks, (low, high) = stats.histogram, stats.channel_peaks.max(axis=0), stats.extremes
    else:
        at = stats.languages.index(language)
        histogram, peaks = stats.histogram_of(language), stats.channel_peaks[at]
        low, high = float(stats.low[at]), float(stats.high[at])
    usual = float(np.median(peaks))
    top = np.argsort(-peaks, kind="stable")[:_TOP_CHANNELS]
    return {
        "low": _short(low),
        "high": _short(high),
        "kurtosis": _short(histogram.kurtosis()),
        "max_over_p99.9": _short(outlier_ratio(histogram, max(high, -low))),
        "channels": {str(at): _short(float(peaks[at]) / usual if usual > 0 else 0.0) for at in top},
    }


def _short(value: float) -> float:
    """Return a number to four significant digits: notes are read by people."""
    return float(f"{value:.4g}")
