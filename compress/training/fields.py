"""Fields that steps with a training have in common: one type, one bound, one description.

A step gives each its default, and what it has to say beyond:

    batch_size: BatchSize = 32
    steps: Steps = Field(None, examples=[500])
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

BatchSize = Annotated[int, Field(ge=1, description="examples; a question with its options is one")]
Accumulate = Annotated[
    int,
    Field(
        ge=1,
        description="work on a batch in so many parts, to save memory; the update stays that of the batch",
    ),
]
Warmup = Annotated[float, Field(ge=0, lt=1, description="share of the updates with a rising rate")]
WeightDecay = Annotated[
    float, Field(ge=0, description="decay of matrices (AdamW); norms, biases and embeddings have none")
]
Clip = Annotated[float, Field(ge=0, description="greatest gradient norm; 0: no clipping")]
Patience = Annotated[int, Field(ge=0, description="dev scores without a better one before the end; 0: never")]
DevMetric = Annotated[
    Literal["task", "accuracy"],
    Field(
        description="what dev scores choose the weights by: the training set's own metric (F1 of tags, mean of "
        "exact match and F1 of answers), or the share of right labels"
    ),
]
Checkpointing = Annotated[
    bool, Field(description="keep few activations and compute the rest again, to save memory")
]
Limit = Annotated[
    int | None,
    Field(
        ge=1,
        description="read the first so many examples or lines of each set and language only; null: all",
        examples=[10000],
    ),
]
DevLimit = Annotated[
    int | None, Field(ge=1, description="read the first so many dev examples only; null: all")
]

# Of a training on labelled examples, on text, or on both.
TextName = Annotated[
    str | None,
    Field(
        description="a text of the data (parallel, mono, bible); null, the default beside `on`: none",
    ),
]
LabelledSet = Annotated[
    str | None,
    Field(
        description="a labelled training set (udpos, mnli@de), or each: the artifact's own; null: text only",
        examples=["each"],
    ),
]
TextShare = Annotated[
    float, Field(gt=0, lt=1, description="of `on` and a text: the share of batches that are text")
]
TextLanguages = Annotated[
    list[str] | None,
    Field(min_length=1, description="languages of the text; null: all it has", examples=[["en", "sw"]]),
]
InputLength = Annotated[
    int | None,
    Field(
        ge=8,
        description="longest input in subwords; null: 384 for spans, 256 for choices, 128 else",
        examples=[64],
    ),
]
Learners = Annotated[
    list[str] | None,
    Field(
        min_length=1,
        description="after the fork: training sets whose models learn; null: all",
        examples=[["udpos"]],
    ),
]
Epochs = Annotated[float, Field(gt=0, description="passes over all examples and lines")]
Steps = Annotated[
    int | None, Field(ge=1, description="make so many updates in place of `epochs`; null: by epochs")
]
EvaluationsPerEpoch = Annotated[int, Field(ge=1, description="dev scores in each pass")]


def without_text_beside_labels(data: Any) -> Any:
    """Return a step's fields with no text where they name a labelled set and say nothing of a text.

    >>> without_text_beside_labels({"on": "udpos"}), without_text_beside_labels({"epochs": 1})
    ({'on': 'udpos', 'text': None}, {'epochs': 1})
    """
    if isinstance(data, dict) and data.get("on") is not None and "text" not in data:
        return {**data, "text": None}
    return data
