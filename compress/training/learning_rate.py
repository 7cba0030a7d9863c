"""A learning rate for fine-tuning that suits a model's width."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

LearningRate = Annotated[
    Annotated[float, Field(gt=0)] | Literal["auto"],
    Field(
        description="the highest rate, reached after the warm-up; auto: 2e-5 at width 768, more for narrower models"
    ),
]
"""A rate, or `auto`: that of `suited_rate`."""

_RATE, _WIDTH, _POWER = 2e-5, 768, 2.2


def suited_rate(wanted: LearningRate, hidden_size: int) -> float:
    """Return the rate wanted; for `auto` 2e-5 at width 768, and more for a narrower model.

    A rule of thumb for recipes that run on models of any size, 2e-5 * (768 / width) ** 2.2: it meets the
    1e-5 of XLM-R Large (width 1024) in Phang et al. 2020 (arXiv 2005.13013, appendix), 2e-5 for base
    (one of the rates that Devlin et al. 2019, appendix A.3, choose from), and what the tiny models of
    this project learn best with.

    >>> [float(f"{suited_rate('auto', width):.1e}") for width in (1024, 768, 384, 256, 96)]
    [1.1e-05, 2e-05, 9.2e-05, 0.00022, 0.0019]
    >>> suited_rate(3e-5, 96)
    3e-05
    """
    return _RATE * (_WIDTH / hidden_size) ** _POWER if wanted == "auto" else wanted
