"""An exported graph with fewer heads and neurons: what the export of the narrowed model would compute.

Only the shapes matter here, not which units stay: it is made to be timed, without another export.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.quantization.graph import INPUT_IDS

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_SELF = ("query", "key", "value")


def with_widths(
    model: ModelProto, heads: Sequence[int], ffn: Sequence[int], head_size: int, vocab: int | None = None
) -> ModelProto:
    """Return a graph whose layer i has the first heads[i] heads and ffn[i] neurons of the given one.

    A layer without heads, or without neurons, keeps that sub-block's bias, residual and normalisation.
    `vocab` keeps the first rows of the word embeddings only. No number may exceed what the layer has.
    The model given is not changed.
    """
    from onnx import ModelProto

    made = ModelProto()
    made.ir_version = model.ir_version
    made.opset_import.extend(model.opset_import)
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    graph = made.graph
    graph.name = model.graph.name
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.node.extend(model.graph.node)
    cut = _Cut(graph, weights)
    for index, (head_count, neurons) in enumerate(zip(heads, ffn, strict=True)):
        attention, layer = f"encoder.layer.{index}.attention.", f"encoder.layer.{index}."
        if head_count:
            for name in _SELF:
                cut.linear(f"{attention}self.{name}", out=head_count * head_size)
            cut.linear(f"{attention}output.dense", into=head_count * head_size)
        else:
            cut.bias_only(f"{attention}output.dense")
        if neurons:
            cut.linear(f"{layer}intermediate.dense", out=neurons)
            cut.linear(f"{layer}output.dense", into=neurons)
        else:
            cut.bias_only(f"{layer}output.dense")
    if vocab is not None:
        cut.rows(vocab)
    cut.finish()
    return made


class _Cut:
    """A graph in the making; weights that are cut get names of their own, since equal ones are shared."""

    def __init__(self, graph: GraphProto, weights: Mapping[str, TensorProto]) -> None:
        self._graph = graph
        self._weights = weights
        self._new: dict[str, TensorProto] = {}
        self._nodes = {node.name.removeprefix("roberta."): node for node in graph.node}

    def linear(self, module: str, *, out: int | None = None, into: int | None = None) -> None:
        """Keep the first outputs, or inputs, of a product with its bias."""
        product = self._nodes[f"{module}/MatMul"]
        self._replace(product, 1, np.s_[:into, :out])
        if out is not None:
            add = self._nodes[f"{module}/Add"]
            self._replace(add, self._weight_input(add), np.s_[:out])

    def bias_only(self, module: str) -> None:
        """Let whatever reads a product with its bias read the bias."""
        add = self._nodes.get(f"{module}/Add")
        if add is None:
            return  # the layer has no such product as it is
        bias = add.input[self._weight_input(add)]
        for node in self._graph.node:
            for at, name in enumerate(node.input):
                if name == add.output[0]:
                    node.input[at] = bias

    def rows(self, count: int) -> None:
        """Keep the first rows of every table that token ids are looked up in."""
        for node in self._graph.node:
            if node.op_type == "Gather" and node.input[1] == INPUT_IDS and node.input[0] in self._weights:
                self._replace(node, 0, np.s_[:count])

    def finish(self) -> None:
        """Drop nodes that nothing reads, and add the weights that the others read."""
        needed = {output.name for output in self._graph.output}
        kept: list[NodeProto] = []
        for node in reversed(self._graph.node):
            if needed.intersection(node.output):
                kept.append(node)
                needed.update(node.input)
        kept.reverse()
        nodes = [node.SerializeToString() for node in kept]  # the list is cleared under them
        del self._graph.node[:]
        for text in nodes:
            self._graph.node.add().ParseFromString(text)
        # A graph that was narrowed before has weights of these names already.
        for name, tensor in {**self._weights, **self._new}.items():
            if name in needed:
                self._graph.initializer.add().CopyFrom(tensor)

    def _weight_input(self, node: NodeProto) -> int:
        return next(at for at, name in enumerate(node.input) if name in self._weights)

    def _replace(self, node: NodeProto, at: int, part: slice | tuple[slice, ...]) -> None:
        from onnx import numpy_helper

        tensor = self._weights[node.input[at]]
        name = f"{node.name}.{at}"
        cut = np.ascontiguousarray(numpy_helper.to_array(tensor)[part])
        self._new[name] = numpy_helper.from_array(cut, name)
        node.input[at] = name
