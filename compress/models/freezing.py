"""Parts of the body that training leaves as they are."""

from __future__ import annotations

from typing import Any

from xpareto.compress.architectures import architecture_of


def freeze(model: Any, layers: int) -> None:
    """Take the embeddings and the lowest `layers` layers of the body out of training.

    Words that the training data do not show keep their place beside those they do, which helps
    zero-shot transfer (Wu & Dredze 2019, section 4.2), and their gradients cost nothing.
    """
    body = model.base_model
    for part in (body.embeddings, *architecture_of(body).layers_of(body)[:layers]):
        part.requires_grad_(False)
