"""PyTorch, by default in fp32: the reference that every other runtime is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from xpareto.compress.architectures import architecture_of, max_tokens
from xpareto.compress.core import Artifact, InputError
from xpareto.compress.heads import HEADS
from xpareto.compress.models import first_layers, model_class, read_config
from xpareto.eval.encoding import first_tokens, is_packed, positions, visible
from xpareto.eval.hardware import vector_flags
from xpareto.eval.runtimes._packed_linear import can_pack, pack_linears
from xpareto.eval.runtimes._runtime import (
    Runtime,
    RuntimeSettings,
    Session,
    model_config,
    refuse_overlong,
)

if TYPE_CHECKING:
    import torch


class TorchSession(Session):
    """One transformers model, in evaluation mode, on the CPU."""

    def __init__(self, model: Any, artifact: Artifact, threads: int) -> None:
        config = model_config(artifact)
        architecture = architecture_of(config)
        # Layers above the one that is read are no part of the answer; run_layers reads them, too.
        layer = artifact.manifest.layer
        self._whole, self._model = model, model if layer is None else first_layers(model, layer)
        self._head = HEADS[artifact.manifest.head]
        self._longest = max_tokens(config)
        self._threads = threads
        self._pad_id = int(config["pad_token_id"])
        self.packs = architecture.own_shapes
        # Batches side by side on a thread each beat one batch on all: no barrier after every operator,
        # which costs most where cores are shared. And the bits do not depend on the number of threads.
        self.lanes = threads
        if not self._head.has_logits and not architecture.norm_at_end:
            self.depths = tuple(range(int(config["num_hidden_layers"]) + 1))

    def enter_lane(self) -> None:
        import torch

        torch.set_num_threads(1)  # OpenMP keeps this per thread

    def leave_lanes(self) -> None:
        import torch

        torch.set_num_threads(self._threads)

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """Return logits or hidden states, as `eval.runtimes.Session.run` says."""
        import torch

        with torch.inference_mode():
            if is_packed(attention_mask):
                return self._run_packed(input_ids, attention_mask)
            ids, mask = self._inputs(input_ids, attention_mask)
            output = self._head.output(self._model, None, input_ids=ids, attention_mask=mask)
            return output.float().numpy()

    def _run_packed(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """Return the answers for rows of several sequences, whose mask and positions are given ready."""
        import torch

        refuse_overlong(input_ids, self._longest)
        dtype = next(self._model.parameters()).dtype
        # A finite least number, and not minus infinity: padded places see nothing, and NaN would spread.
        hidden = ~torch.from_numpy(visible(attention_mask))
        given = {
            "input_ids": torch.from_numpy(np.ascontiguousarray(input_ids)),
            "attention_mask": torch.zeros(hidden.shape, dtype=dtype).masked_fill(
                hidden, torch.finfo(dtype).min
            ),
            "position_ids": torch.from_numpy(positions(attention_mask, self._pad_id)),
        }
        first = torch.from_numpy(first_tokens(attention_mask))
        return self._head.packed_output(self._model, None, first, **given).float().numpy()

    def run_layers(
        self, input_ids: np.ndarray, attention_mask: np.ndarray, layers: Sequence[int]
    ) -> list[np.ndarray]:
        """Return the hidden states of an encoder, as `eval.runtimes.Session.run_layers` says."""
        import torch

        if not set(layers) <= set(self.depths):
            raise ValueError(f"expected layers of {self.depths}, found {list(layers)}")
        with torch.inference_mode():
            ids, mask = self._inputs(input_ids, attention_mask)
            states = self._whole(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
            return [states[layer].float().numpy() for layer in layers]

    def _inputs(
        self, input_ids: np.ndarray, attention_mask: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        import torch

        refuse_overlong(input_ids, self._longest)
        # Without padding no mask is needed, and attention takes its quickest kernel.
        mask = None if attention_mask.all() else torch.from_numpy(attention_mask)
        return torch.from_numpy(np.ascontiguousarray(input_ids)), mask

    def close(self) -> None:
        self._whole = self._model = None


class TorchSettings(RuntimeSettings):
    """What a model of torch is opened with."""

    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="bf16: weights and products in half, where the CPU has instructions for it"
    )
    packed: bool = Field(
        True, description="pack the weights of fp32 products for oneDNN, where that is quicker"
    )


class TorchRuntime(Runtime):
    """config.json and model.safetensors, read by transformers (sdpa attention, packed products, inference mode)."""

    name = "torch"
    format = "torch"
    settings = TorchSettings

    def __init__(self) -> None:
        self._threads = 0
        self._packed = False
        self._precision = "fp32"
        self._attention = "sdpa"

    def open(
        self, artifact: Artifact, threads: int, settings: Mapping[str, Any] | None = None
    ) -> TorchSession:
        """Open a sealed torch artifact; InputError for another format, head or incomplete weights."""
        import torch
        from safetensors import SafetensorError
        from transformers.utils import logging

        spec = HEADS[artifact.manifest.head]
        if artifact.manifest.format != self.format or not spec.deployable:
            opened = sorted(name for name, one in HEADS.items() if one.deployable)
            raise InputError(
                f"{artifact.path}: the torch runtime opens torch artifacts with a head of {opened}, found format "
                f"{artifact.manifest.format}, head {spec.name}."
            )
        artifact.file("model.safetensors")  # never a pickle
        _check_layer(artifact)
        architecture = architecture_of(model_config(artifact))
        self._attention = architecture.attention
        torch.set_num_threads(threads)
        self._threads = threads
        logging.disable_progress_bar()
        logging.set_verbosity_error()
        own_class = architecture.class_name(spec.class_ending)
        bare = not spec.has_logits and architecture.pooler_option
        extra = {"add_pooling_layer": False} if bare else {}
        try:
            config = read_config(artifact.path)
            model, info = model_class(own_class, config).from_pretrained(
                artifact.path,
                config=config,
                dtype=torch.float32,
                attn_implementation=architecture.attention,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
                **extra,
            )
        except (SafetensorError, OSError, RuntimeError, ValueError) as error:
            raise InputError(f"{artifact.path}: transformers cannot load it ({error}).") from error
        missing = sorted(info["missing_keys"])
        if missing:  # transformers would fill them with random numbers
            raise InputError(
                f"{artifact.path}/model.safetensors: expected all weights of {own_class}, "
                f"found none for {', '.join(missing[:4])}. Train the head before measuring it."
            )
        chosen = TorchSettings.model_validate(settings or {})
        self._precision = chosen.precision
        if chosen.precision == "bf16":
            model = model.to(torch.bfloat16)
        self._packed = chosen.packed and chosen.precision == "fp32" and can_pack() and pack_linears(model) > 0
        return TorchSession(model.eval(), artifact, threads)

    def alternatives(self) -> Sequence[Mapping[str, Any]]:
        return ({"packed": False},)

    def facts(self) -> Mapping[str, str]:
        """Return versions, threads, attention kernel and the CPU flags that matter."""
        return {
            "torch": version("torch"),
            "transformers": version("transformers"),
            "dtype": {"fp32": "float32", "bf16": "bfloat16"}[self._precision],
            "attention": self._attention,
            "products": "oneDNN, weights packed" if self._packed else "torch",
            "threads": str(self._threads),
            "cpu_flags": " ".join(vector_flags()),
        }


def _check_layer(artifact: Artifact) -> None:
    layer, layers = artifact.manifest.layer, int(model_config(artifact)["num_hidden_layers"])
    if layer is not None and not 0 <= layer <= layers:
        raise InputError(f"{artifact.path}: expected a hidden state from 0 to {layers}, found layer {layer}.")


RUNTIME = TorchRuntime()
