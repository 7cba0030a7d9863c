"""A runtime opens sealed artifacts; numpy in, numpy out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from xpareto.compress.architectures import max_tokens as max_tokens
from xpareto.compress.core import Artifact, Catalog, Format, InputError, read_json

RUNTIMES = Catalog("runtime", "xpareto.eval.runtimes", "RUNTIME")


class Session(ABC):
    """One opened model.

    `lanes` is how many threads may call `run` at once. Each of them calls `enter_lane` first, and the
    thread that started them calls `leave_lanes` when they are done.

    `depths` lists the hidden states that `run_layers` can give, 0 being the embeddings; () for a model
    that gives its answer alone.

    `packs` says whether the mask may number several sequences in a row (eval.encoding.packing). Answers per sequence
    are then one for each of them, row by row.
    """

    lanes: int = 1
    depths: tuple[int, ...] = ()
    packs: bool = False

    @abstractmethod
    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """Return the model's answer to int64 arrays of shape (batch, length), as float32.

        classification: logits (batch, labels); tagging: logits (batch, length, labels);
        qa: start and end logits (batch, length, 2); choice: logits (batch, 1), one option per row;
        encoder: hidden states (batch, length, width) of the artifact's layer.
        """

    def run_layers(
        self, input_ids: np.ndarray, attention_mask: np.ndarray, layers: Sequence[int]
    ) -> list[np.ndarray]:
        """Return the hidden states named, each (batch, length, width) as float32, from one pass."""
        raise ValueError(f"expected layers of {self.depths}, found {list(layers)}")

    def enter_lane(self) -> None:  # noqa: B027 - most sessions have one lane
        """Make this thread ready to run beside others."""

    def leave_lanes(self) -> None:  # noqa: B027
        """Go back to all threads for one call."""

    def close(self) -> None:  # noqa: B027 - most sessions have nothing to release
        """Release threads and memory."""


class RuntimeSettings(BaseModel):
    """How a runtime runs: the recipe's `runtime_settings`. Subclasses are final and all fields have defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Runtime(ABC):
    """A way to run artifacts of one format."""

    name: ClassVar[str]
    format: ClassVar[Format]
    settings: ClassVar[type[RuntimeSettings]] = RuntimeSettings

    @abstractmethod
    def open(self, artifact: Artifact, threads: int, settings: Mapping[str, Any] | None = None) -> Session:
        """Open an artifact on `threads` pinned threads; InputError when it cannot be read.

        `settings` are fields of the runtime's own settings; None: the defaults.
        """

    def alternatives(self) -> Sequence[Mapping[str, Any]]:
        """Return settings beside the defaults that may be quicker on a machine, each for itself, none of them worse
        in answers than by rounding."""
        return ()

    def setting(self, settings: Mapping[str, Any], name: str) -> Any:
        """Return the value of a field of settings, by default its default."""
        return getattr(self.settings.model_validate(settings), name)

    @abstractmethod
    def facts(self) -> Mapping[str, str]:
        """Return the versions and settings that a reader needs to repeat a measurement."""


def model_config(artifact: Artifact) -> dict[str, Any]:
    """Return the config.json that lies in an artifact; InputError when it is not a JSON object."""
    return read_json(artifact.file("config.json"))


def refuse_overlong(input_ids: np.ndarray, longest: int) -> None:
    """Raise InputError where a position embedding would be looked up beyond the last."""
    if input_ids.shape[1] > longest:
        raise InputError(
            f"expected at most {longest} tokens, found {input_ids.shape[1]}. "
            "Lower max_length of the task, or take a model with more positions."
        )
