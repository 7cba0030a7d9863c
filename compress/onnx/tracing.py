"""A torch model as an ONNX graph: traced once for each architecture, filled with each model's weights."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import logging
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xpareto.compress.architectures import any_token
from xpareto.compress.onnx import graph as onnx_graph
from xpareto.compress.onnx.constant_products import fold_constant_products

if TYPE_CHECKING:
    import onnx_ir
    import torch
    from transformers import PreTrainedModel

_SHAPE = (2, 7)  # a batch of 1 would freeze the batch axis
_KEPT = 8  # graphs without weights: some hundred nodes each
_TRANSPOSED = "_transposed"
_kept: OrderedDict[str, tuple[onnx_ir.Model, dict[str, str]]] = OrderedDict()


@contextlib.contextmanager
def traced(
    model: PreTrainedModel, outputs: Sequence[str], max_tokens: int, opset: int, packed: bool = False
) -> Iterator[onnx_ir.Model]:
    """Give the graph of a model with its weights; `packed` says that it reads several texts in a row.

    torch.export and its decompositions cost seconds to minutes a model, and depend on its architecture
    alone, but that the exporter leaves out zeros that are added and stores equal tensors once. So a graph
    whose floating-point constants are all weights, as they are or transposed, is kept without them and
    filled with the weights of the next model of the same classes, settings, shapes, constants and copies.
    The weights leave it at the end, so that what is kept holds no model in memory.
    """
    key = _architecture(model, outputs, max_tokens, opset, packed)
    if key in _kept:
        _kept.move_to_end(key)
    else:
        program = _trace(model, outputs, max_tokens, opset)
        sources = _sources(program, model)
        if sources is None:
            yield program
            return
        _kept[key] = program, sources
        if len(_kept) > _KEPT:
            _kept.popitem(last=False)
    program, sources = _kept[key]
    initializers, tensors = program.graph.initializers, _tensors(model)
    try:
        for name, source in sources.items():
            initializers[name].const_value = _weight(name, source, tensors)
        yield program
    finally:
        for name in sources:
            initializers[name].const_value = None


def _architecture(model: PreTrainedModel, outputs: Sequence[str], *settings: Any) -> str:
    config = model.config.to_dict()
    for name in ("_name_or_path", "id2label", "label2id"):
        config.pop(name, None)
    tensors, first = [], dict[tuple[str, tuple[int, ...]], str]()
    for name, tensor in _tensors(model).items():
        values, shape = tensor.detach().contiguous().numpy(), tuple(tensor.shape)
        constant = float(values.flat[0]) if values.size and (values == values.flat[0]).all() else None
        copied = first.setdefault((hashlib.sha256(values.data).hexdigest(), shape), name)
        tensors.append((name, shape, str(tensor.dtype), constant, copied))
    described = [str(model), config, tensors, list(outputs), settings]
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def _tensors(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    return dict(
        itertools.chain(
            model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
        )
    )


def _sources(program: onnx_ir.Model, model: PreTrainedModel) -> dict[str, str] | None:
    """Return initializer -> the model's tensor; None where another constant may depend on the weights."""
    import numpy as np

    tensors, sources = _tensors(model), {}
    for name, value in program.graph.initializers.items():
        constant = value.const_value
        assert constant is not None, name
        source = name.removesuffix(_TRANSPOSED)
        if source in tensors:
            if not np.array_equal(constant.numpy(), _weight(name, source, tensors).numpy()):
                return None
            sources[name] = source
        elif constant.size > 1 and constant.dtype.is_floating_point():
            return None
    return sources


def _weight(name: str, source: str, tensors: Mapping[str, torch.Tensor]) -> onnx_ir.Tensor:
    import onnx_ir

    values = tensors[source].detach()
    if name != source:
        values = values.T.contiguous()
    return onnx_ir.Tensor(values.numpy(), name=name)


def _trace(model: PreTrainedModel, outputs: Sequence[str], max_tokens: int, opset: int) -> onnx_ir.Model:
    import torch
    from transformers.exporters.configs import OnnxConfig
    from transformers.exporters.exporter_onnx import OnnxExporter

    rows, length = _SHAPE
    ids = torch.full((rows, min(length, max_tokens)), any_token(model.config))
    axes = {
        0: torch.export.Dim(onnx_graph.AXES[0], min=1, max=1 << 16),
        1: torch.export.Dim(onnx_graph.AXES[1], min=1, max=max_tokens),
    }
    names = ("input_ids", "attention_mask")
    settings = OnnxConfig(
        dynamic=True, dynamic_shapes=dict.fromkeys(names, axes), opset_version=opset, optimize=True
    )
    with _quiet():
        exported = OnnxExporter().export(
            model, {"input_ids": ids, "attention_mask": torch.ones_like(ids)}, config=settings
        )
    program: onnx_ir.Model = exported.program
    onnx_graph.tidy(program, outputs)
    fold_constant_products(program)
    return program


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporters' running commentary: what matters is checked afterwards, on numbers."""
    from transformers.utils import logging as transformers_logging

    level = transformers_logging.get_verbosity()
    onnx_logger = logging.getLogger("torch.onnx")
    onnx_level = onnx_logger.level
    transformers_logging.set_verbosity_error()
    onnx_logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", category=UserWarning, module="torch")
            yield
    finally:
        transformers_logging.set_verbosity(level)
        onnx_logger.setLevel(onnx_level)
