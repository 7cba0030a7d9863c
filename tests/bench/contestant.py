"""One contestant in a process of its own: it opens a model, then waits on its standard input.

    python contestant.py ENGINE MODEL INPUTS.npz THREADS

ENGINE is one of ENGINES, INPUTS.npz holds for every workload the batches `NAME/k/ids` and `NAME/k/mask`. Each
line read is a request, {"workload": NAME, "calls": n} for times or {"workload": NAME, "answer": FILE.npy} for
logits; each is answered by one line of JSON. Imports of an engine are made by that engine alone, so that the
file also runs where nothing of ours is installed (optimum-onnx has an environment of its own).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
GROUP = 128  # values of a token whose codes share a range, where OpenVINO codes activations
Run = Callable[[np.ndarray, np.ndarray], Any]  # int64 (batch, length) each -> logits (batch, labels)


def ours(runtime: str, settings: dict[str, Any], model: Path, threads: int) -> Run:
    """Open a sealed artifact by one of our runtimes."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
    from xpareto.compress.core.artifact import Artifact
    from xpareto.eval.runtimes._runtime import RUNTIMES

    return RUNTIMES.load(runtime).open(Artifact.open(model), threads, settings).run


def bare_torch(
    kind: str, model: Path, threads: int, auto: str = "AutoModelForSequenceClassification", **options: Any
) -> Run:
    """Open a checkpoint as transformers' own documentation does, in inference mode."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    opened = getattr(transformers, auto).from_pretrained(model, dtype=getattr(torch, kind), **options)
    opened.eval()

    def run(ids: np.ndarray, mask: np.ndarray) -> Any:
        with torch.inference_mode():
            found = opened(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
        return found[0].float().numpy()  # logits, or an encoder's hidden states

    return run


def bare_onnxruntime(model: Path, threads: int) -> Run:
    """Open a graph with onnxruntime's defaults."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(next(model.glob("*.onnx"))), _options(onnxruntime, threads), providers=["CPUExecutionProvider"]
    )
    names = [node.name for node in session.get_inputs()]

    def run(ids: np.ndarray, mask: np.ndarray) -> Any:
        given = {"input_ids": ids, "attention_mask": mask}
        return session.run(None, {name: given[name] for name in names})[0]

    return run


def compiled_torch(kind: str, model: Path, threads: int) -> Run:
    """The same, compiled by torch for any shape."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    opened = transformers.AutoModelForSequenceClassification.from_pretrained(
        model, dtype=getattr(torch, kind)
    )
    compiled = torch.compile(opened.eval(), dynamic=True)

    def run(ids: np.ndarray, mask: np.ndarray) -> Any:
        with torch.inference_mode():
            found = compiled(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
        return found[0].float().numpy()

    return run


def torchao_int8(model: Path, threads: int) -> Run:
    """Open a checkpoint, and let torchao code its weights in 8 bits, and activations token by token as they come."""
    import torch
    import transformers
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    torch.set_num_threads(threads)
    opened = transformers.AutoModelForSequenceClassification.from_pretrained(model).eval()
    quantize_(opened, Int8DynamicActivationInt8WeightConfig())
    compiled = torch.compile(opened, dynamic=True)  # without it, every node is a call of Python's

    def run(ids: np.ndarray, mask: np.ndarray) -> Any:
        with torch.inference_mode():
            found = compiled(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
        return found[0].float().numpy()

    return run


def ctranslate(model: Path, threads: int) -> Run:
    """Open CTranslate2's format; what classifies the first token's state is numpy's."""
    import ctranslate2

    encoder = ctranslate2.Encoder(str(model), device="cpu", compute_type="int8", intra_threads=threads)
    with np.load(model / "head.npz") as stored:
        head = dict(stored)

    def run(ids: np.ndarray, mask: np.ndarray) -> Any:
        given = ctranslate2.StorageView.from_array(ids.astype(np.int32))
        lengths = ctranslate2.StorageView.from_array(mask.sum(1).astype(np.int32))
        first = np.array(encoder.forward_batch(given, lengths).last_hidden_state)[:, 0]
        inner = np.tanh(first @ head["dense.weight"].T + head["dense.bias"])
        return inner @ head["out_proj.weight"].T + head["out_proj.bias"]

    return run


def bare_openvino(model: Path, threads: int, group_size: int | None = None) -> Run:
    """Open OpenVINO's own format, or a graph of ONNX, with float32 where nothing is quantized."""
    import openvino

    properties = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        **({} if group_size is None else {"DYNAMIC_QUANTIZATION_GROUP_SIZE": str(group_size)}),
    }
    file = next(found for pattern in ("*.xml", "*.onnx") for found in model.glob(pattern))
    request = openvino.compile_model(str(file), "CPU", properties).create_infer_request()

    def run(ids: np.ndarray, mask: np.ndarray) -> Any:
        request.infer({"input_ids": ids, "attention_mask": mask}, share_inputs=True)
        return np.array(request.get_output_tensor(0).data, np.float32)

    return run


def optimum(model: Path, threads: int) -> Run:
    """Open optimum-onnx's model by its own class; numpy in, numpy out, which it takes and gives, too."""
    import onnxruntime
    from optimum.onnxruntime import ORTModelForSequenceClassification

    opened = ORTModelForSequenceClassification.from_pretrained(
        model, file_name=next(model.glob("*.onnx")).name, session_options=_options(onnxruntime, threads)
    )
    return lambda ids, mask: opened(input_ids=ids, attention_mask=mask).logits


def _options(onnxruntime: Any, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return options


ENGINES: dict[str, Callable[[Path, int], Run]] = {
    "ours-onnxruntime": lambda model, threads: ours("onnxruntime", {}, model, threads),
    "ours-torch": lambda model, threads: ours("torch", {}, model, threads),
    "ours-openvino": lambda model, threads: ours("openvino", {"group_size": GROUP}, model, threads),
    "ours-openvino-bf16": lambda model, threads: ours("openvino", {"precision": "bf16"}, model, threads),
    "torch-fp32": lambda model, threads: bare_torch("float32", model, threads),
    "torch-bf16": lambda model, threads: bare_torch("bfloat16", model, threads),
    "torch-encoder": lambda model, threads: bare_torch(
        "float32", model, threads, "AutoModel", add_pooling_layer=False
    ),
    "onnxruntime": bare_onnxruntime,
    "torch-compiled-bf16": lambda model, threads: compiled_torch("bfloat16", model, threads),
    "torchao": torchao_int8,
    "ctranslate2": ctranslate,
    "openvino": bare_openvino,
    "openvino-groups": lambda model, threads: bare_openvino(model, threads, GROUP),
    "optimum": optimum,
}


def workloads(file: Path) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Return name -> batches, each (ids, mask), of an inputs file."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    with np.load(file, allow_pickle=False) as arrays:
        for name in sorted(arrays.files):
            workload, _, part = name.split("/")
            if part == "ids":
                found.setdefault(workload, []).append((arrays[name], arrays[name[:-3] + "mask"]))
    return found


def die_with_parent() -> None:
    """Ask the kernel to end this process with its parent: a stopped one would wait for ever."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    die_with_parent()
    engine, model, inputs, threads = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    if hasattr(os, "sched_setaffinity"):  # before anything starts threads
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers = os.fdopen(os.dup(1), "w")  # libraries that print must not disturb the pipe
    os.dup2(2, 1)
    run, given = ENGINES[engine](model, threads), workloads(inputs)
    print(json.dumps({"ready": engine}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        batches = given[request["workload"]]
        if "answer" in request:
            np.save(request["answer"], np.concatenate([np.asarray(run(*batch)) for batch in batches]))
            print(json.dumps({"saved": request["answer"]}), file=answers, flush=True)
            continue
        used, times = time.process_time(), []
        for call in range(1 + request["calls"]):  # the first warms up at the measured shapes
            start = time.perf_counter_ns()
            for batch in batches:
                run(*batch)
            if call:
                times.append(time.perf_counter_ns() - start)
        told = {"ns": times, "cpu_seconds": time.process_time() - used}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
