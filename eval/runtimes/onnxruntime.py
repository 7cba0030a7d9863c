"""ONNX Runtime on the CPU, with our own buffers bound as its inputs and outputs.

Worker threads spin between calls unless the recipe says otherwise, which is ONNX Runtime's default and
its quickest setting while a process has one session; several open sessions that spin slow each other,
so probes open one artifact at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import PACKED, Artifact, InputError, hint
from xpareto.compress.heads import HEADS
from xpareto.eval.encoding import first_tokens, is_packed, refuse_packed
from xpareto.eval.hardware import vector_flags
from xpareto.eval.runtimes._runtime import (
    Runtime,
    RuntimeSettings,
    Session,
    model_config,
    refuse_overlong,
)

MODEL = "model.onnx"
PROVIDERS = ["CPUExecutionProvider"]
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


class OnnxSession(Session):
    """One inference session. Each answer is an array of its own, written by the runtime in place."""

    def __init__(self, session: Any, outputs: tuple[str, ...], artifact: Artifact) -> None:
        config = model_config(artifact)
        self._session = session
        self._outputs = outputs
        self._binding = session.io_binding()
        self._longest = max_tokens(config)
        self.packs = bool(config.get(PACKED))
        head = HEADS[artifact.manifest.head]
        self._per_token = head.per_token
        nodes = {node.name: node for node in session.get_outputs()}
        output = nodes[outputs[0]]
        if output.type not in _DTYPES:
            raise InputError(
                f"{artifact.path}/{MODEL}: expected floats from {outputs[0]}, found {output.type}."
            )
        self._dtype = _DTYPES[output.type]
        width = output.shape[-1]
        if not isinstance(width, int):  # a symbolic axis: the manifest and the configuration know
            width = head.output_width(len(artifact.manifest.labels), int(config["hidden_size"]))
        self._width = width

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """Return logits or hidden states, as `eval.runtimes.Session.run` says."""
        refuse_overlong(input_ids, self._longest)
        batch, length = input_ids.shape
        sequences = batch
        if is_packed(attention_mask):
            refuse_packed(self.packs)
            sequences = int(first_tokens(attention_mask).sum())
        if len(self._outputs) > 1:  # start and end logits, each of which has one number per token
            shape: tuple[int, ...] = (batch, length)
        elif self._per_token:
            shape = (batch, length, self._width)
        else:
            shape = (sequences, self._width)
        answers = [np.empty(shape, self._dtype) for _ in self._outputs]
        binding = self._binding
        inputs = {
            "input_ids": np.ascontiguousarray(input_ids, np.int64),
            "attention_mask": np.ascontiguousarray(attention_mask, np.int64),
        }
        for name, array in inputs.items():
            binding.bind_input(name, "cpu", 0, np.int64, array.shape, array.ctypes.data)
        for name, array in zip(self._outputs, answers, strict=True):
            binding.bind_output(name, "cpu", 0, self._dtype, shape, array.ctypes.data)
        self._session.run_with_iobinding(binding)
        answer = answers[0] if len(answers) == 1 else np.stack(answers, axis=-1)
        return answer if answer.dtype == np.float32 else answer.astype(np.float32)

    def close(self) -> None:
        self._binding = self._session = None


class OnnxSettings(RuntimeSettings):
    """What onnxruntime is opened with; its own defaults."""

    spinning: bool = Field(True, description="waiting threads spin: quicker alone, slower beside others")
    arena: bool = Field(True, description="keep freed memory for the next call: quicker, and a higher peak")
    graph: Literal["all", "extended", "basic", "off"] = Field("all", description="graph optimisations")
    prepacking: bool = Field(True, description="weights laid out anew for the CPU: quicker, more memory")


class OnnxRuntime(Runtime):
    """model.onnx with inputs input_ids and attention_mask, and config.json beside it."""

    name = "onnxruntime"
    format = "onnx"
    settings = OnnxSettings

    def __init__(self) -> None:
        self._threads = 0

    def open(
        self, artifact: Artifact, threads: int, settings: Mapping[str, Any] | None = None
    ) -> OnnxSession:
        """Open a sealed ONNX artifact; InputError for another format, a bad file, missing outputs."""
        import onnxruntime

        if artifact.manifest.format != self.format or not HEADS[artifact.manifest.head].deployable:
            raise InputError(
                f"{artifact.path}: the onnxruntime runtime opens onnx artifacts with a head, found format "
                f"{artifact.manifest.format}, head {artifact.manifest.head}. Put export_onnx before it."
            )
        self._threads = threads
        chosen = OnnxSettings.model_validate(settings or {})
        session = open_file(artifact.file(MODEL), session_options(threads, onnxruntime, chosen))
        wanted = output_names(artifact)
        names = [node.name for node in session.get_outputs()]
        for name in wanted:
            if name not in names:
                raise InputError(
                    f"{artifact.path}/{MODEL}: expected an output {name}, found {names}."
                    f"{hint(name, names)} Export it again with that layer."
                )
        inputs = {node.name: node.type for node in session.get_inputs()}
        if inputs != {"input_ids": "tensor(int64)", "attention_mask": "tensor(int64)"}:
            raise InputError(
                f"{artifact.path}/{MODEL}: expected int64 input_ids and attention_mask, found {inputs}."
            )
        return OnnxSession(session, wanted, artifact)

    def alternatives(self) -> Sequence[Mapping[str, Any]]:
        return {"spinning": False}, {"arena": False}, {"graph": "extended"}, {"prepacking": False}

    def facts(self) -> Mapping[str, str]:
        """Return the version, provider, threads and the CPU flags that int8 depends on."""
        return {
            "onnxruntime": version("onnxruntime"),
            "providers": " ".join(PROVIDERS),
            "threads": str(self._threads),
            "inter_op_threads": "1",
            "cpu_flags": " ".join(vector_flags()),
        }


def output_names(artifact: Artifact) -> tuple[str, ...]:
    """Return the names of the graph outputs that answer for this artifact's head and layer."""
    layers = int(model_config(artifact)["num_hidden_layers"])
    return HEADS[artifact.manifest.head].read_outputs(artifact.manifest.layer, layers)


def session_options(threads: int, onnxruntime: Any, settings: OnnxSettings | None = None) -> Any:
    """Return the session options of every measurement: one operator at a time, and what is set."""
    chosen, levels = settings or OnnxSettings.model_validate({}), onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = {
        "all": levels.ORT_ENABLE_ALL, "extended": levels.ORT_ENABLE_EXTENDED,
        "basic": levels.ORT_ENABLE_BASIC, "off": levels.ORT_DISABLE_ALL,
    }[chosen.graph]  # fmt: skip
    options.enable_cpu_mem_arena = chosen.arena
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(chosen.spinning)))
    options.add_session_config_entry("session.disable_prepacking", str(int(not chosen.prepacking)))
    options.log_severity_level = 3  # errors only
    return options


def open_file(file: Path, options: Any) -> Any:
    """Return onnxruntime's session of a model file; InputError when it cannot be opened."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    unreadable = (
        native.Fail,
        native.InvalidArgument,
        native.InvalidGraph,
        native.InvalidProtobuf,
        native.NoSuchFile,
        native.NotImplemented,
        native.RuntimeException,
    )
    try:
        return onnxruntime.InferenceSession(str(file), options, PROVIDERS)
    except unreadable as error:
        raise InputError(f"{file}: onnxruntime cannot open it ({error}).") from error


RUNTIME = OnnxRuntime()
