"""OpenVINO on the CPU: it reads the same model.onnx that onnxruntime runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from pydantic import Field

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import PACKED, Artifact, InputError, hint
from xpareto.compress.heads import HEADS
from xpareto.compress.onnx import GROUP_SIZE, import_openvino, openvino_reason, read_openvino
from xpareto.eval.encoding import is_packed, refuse_packed
from xpareto.eval.hardware import vector_flags
from xpareto.eval.runtimes._runtime import (
    Runtime,
    RuntimeSettings,
    Session,
    model_config,
    refuse_overlong,
)
from xpareto.eval.runtimes.onnxruntime import MODEL, output_names


class OpenvinoSession(Session):
    """One compiled model with one stream and one request."""

    def __init__(self, compiled: Any, outputs: tuple[str, ...], artifact: Artifact) -> None:
        self._request = compiled.create_infer_request()
        self._outputs = outputs
        self._longest = max_tokens(model_config(artifact))
        self.packs = bool(model_config(artifact).get(PACKED))

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        """Return logits or hidden states, as `eval.runtimes.Session.run` says."""
        refuse_overlong(input_ids, self._longest)
        if is_packed(attention_mask):
            refuse_packed(self.packs)
        given = {
            "input_ids": np.ascontiguousarray(input_ids, np.int64),
            "attention_mask": np.ascontiguousarray(attention_mask, np.int64),
        }
        self._request.infer(given, share_inputs=True)
        # Copies: the request writes its next answer into the same memory.
        answers = [np.array(self._request.get_tensor(name).data, np.float32) for name in self._outputs]
        return answers[0] if len(answers) == 1 else np.stack(answers, axis=-1)

    def close(self) -> None:
        self._request = None


class OpenvinoSettings(RuntimeSettings):
    """What OpenVINO compiles a model with."""

    precision: Literal["f32", "bf16"] = Field(
        "f32", description="of what is not quantized; bf16 is OpenVINO's own choice where the CPU has it"
    )
    group_size: Literal[0, 16, 32, 64, 128, 256] = Field(
        32,
        description="values of a token that share a range where weights alone are codes; 0 leaves them in float",
    )


class OpenvinoRuntime(Runtime):
    """model.onnx compiled by OpenVINO; an optional part, `.[openvino]`.

    Products whose activations the graph codes as they come (`quantize_dynamic`) are read as products with weights in
    codes: see compress.onnx.openvino_graph.
    """

    name = "openvino"
    format = "onnx"
    settings = OpenvinoSettings

    def __init__(self) -> None:
        self._threads, self._chosen = 0, OpenvinoSettings.model_validate({})

    def open(
        self, artifact: Artifact, threads: int, settings: Mapping[str, Any] | None = None
    ) -> OpenvinoSession:
        """Open a sealed ONNX artifact; InputError without OpenVINO, or for operators that it lacks."""
        openvino = import_openvino()
        if artifact.manifest.format != self.format or not HEADS[artifact.manifest.head].deployable:
            raise InputError(
                f"{artifact.path}: the openvino runtime opens onnx artifacts with a head, found format "
                f"{artifact.manifest.format}, head {artifact.manifest.head}. Put export_onnx before it."
            )
        chosen = OpenvinoSettings.model_validate(settings or {})
        self._threads, self._chosen = threads, chosen
        file = artifact.file(MODEL)
        properties = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": "1",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": chosen.precision,
            GROUP_SIZE: str(chosen.group_size),
        }
        model = read_openvino(file)
        try:
            compiled = openvino.Core().compile_model(model, "CPU", properties)
        except RuntimeError as error:
            raise InputError(f"{file}: openvino cannot compile it ({openvino_reason(error)}).") from error
        wanted = output_names(artifact)
        names = [name for output in compiled.outputs for name in output.get_names()]
        for name in wanted:
            if name not in names:
                raise InputError(f"{file}: expected an output {name}, found {names}.{hint(name, names)}")
        return OpenvinoSession(compiled, wanted, artifact)

    def alternatives(self) -> Sequence[Mapping[str, Any]]:
        return {"group_size": 64}, {"group_size": 128}

    def facts(self) -> Mapping[str, str]:
        """Return the version, threads, settings and the CPU flags that it depends on."""
        try:
            openvino_version = version("openvino")
        except PackageNotFoundError:
            openvino_version = "not installed"
        return {
            "openvino": openvino_version,
            "threads": str(self._threads),
            **{name: str(value) for name, value in self._chosen.model_dump().items()},
            "cpu_flags": " ".join(vector_flags()),
        }


RUNTIME = OpenvinoRuntime()
