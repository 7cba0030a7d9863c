"""Retrieval scores at every layer of an encoder, so that the layer in use can be judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from xpareto.eval.kinds import Kind
from xpareto.eval.probing import (
    TOKEN_BUDGET,
    Ask,
    MeasurementContext,
    Probe,
    Reduce,
    Subset,
    reducer,
    run_all,
    withheld,
)
from xpareto.eval.records import Measurement
from xpareto.eval.runtimes import Session, model_config
from xpareto.eval.tasks import KINDS, Task

IN_USE = "in use"  # the component of the row that names the layer that is read
_BUDGET_BYTES = 1 << 30  # of pooled states kept at once


class Depth(Probe):
    """One row per retrieval task x language x hidden state, in percent; component ``layer=<k>``.

    Layer 0 is the embeddings. All layers come from the same passes; where their pooled states would
    take more than 1 GiB for one language, the layers are done in several rounds. A model that gives
    only the states it is read at (ONNX) has that one layer. A row with statistic "layer" names the
    layer in use. Nothing is chosen here: the best of these scores is an oracle's, since the layer is
    then chosen on the very examples that it is scored on.
    """

    name = "depth"
    taken = "remembered"

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the scores; "missing" rows for a language without data, or with its gold withheld."""
        for training_set, artifact in context.artifacts.items():
            asks = [(ask, task) for ask, task in context.asks(training_set) if task.group == "retrieval"]
            if not asks:
                continue
            last = int(model_config(artifact)["num_hidden_layers"])
            layer_in_use = last if artifact.manifest.layer is None else artifact.manifest.layer
            yield context.row(
                "depth", "layer", float(layer_in_use), "layer", component=IN_USE, training_set=training_set,
                instrument=f"hidden states 0 to {last}",
            )  # fmt: skip
            for ask, task in asks:
                yield from _curves(context, training_set, ask, task, layer_in_use)


def _curves(
    context: MeasurementContext, training_set: str, ask: Ask, task: Task, layer_in_use: int
) -> Iterator[Measurement]:
    subsets = {subset.language: subset for subset in context.subsets(ask, training_set)}
    session = context.session(training_set)
    layers = session.depths or (layer_in_use,)
    metric = task.metrics[0]
    for language in context.languages(ask, task):
        common = {"task": task.name, "language": language, "training_set": training_set}
        subset = subsets.get(language)
        reason = "no examples in the data" if subset is None else withheld(subset.examples)
        if subset is None or reason:
            yield context.row("depth", metric, None, "percent", **common, status="missing", error=reason)
            continue
        kind: Kind = KINDS.load(task.kind)
        for layer, states in _pooled(context, training_set, session, subset, kind, layers):
            scored = kind.score(subset.examples, kind.predict(subset.encoded, states), task, language)
            yield context.row(
                "depth", metric, float(scored.metrics[metric]), "percent", **common,
                component=f"layer={layer}", examples=kind.trials(subset.examples),
                instrument=f"{ask.split} split",
            )  # fmt: skip


def _pooled(
    context: MeasurementContext,
    training_set: str,
    session: Session,
    subset: Subset,
    kind: Kind,
    layers: Sequence[int],
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Yield every layer with what the kind keeps of it per sequence."""
    sequences = subset.encoded.input_ids
    reduce_one = reducer(kind, context.artifacts[training_set])
    width = int(model_config(context.artifacts[training_set])["hidden_size"])
    together = max(1, _BUDGET_BYTES // max(1, 4 * width * len(sequences)))
    budget, pad_id = int(context.option("token_budget", TOKEN_BUDGET)), context.pad_id(training_set)
    for begin in range(0, len(layers), together):
        part = layers[begin : begin + together]
        if session.depths:
            states_by_sequence = run_all(
                _Deep(session, part), sequences, _each_layer(reduce_one), budget, pad_id=pad_id
            )
        else:
            states_by_sequence = [
                states[None] for states in run_all(session, sequences, reduce_one, budget, pad_id=pad_id)
            ]
        for place, layer in enumerate(part):
            yield layer, [states[place] for states in states_by_sequence]


class _Deep(Session):
    """A session that answers with several hidden states, (layers, batch, length, width)."""

    def __init__(self, session: Session, layers: Sequence[int]) -> None:
        self._session = session
        self._layers = layers
        self.lanes = session.lanes

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        return np.stack(self._session.run_layers(input_ids, attention_mask, self._layers))

    def enter_lane(self) -> None:
        self._session.enter_lane()

    def leave_lanes(self) -> None:
        self._session.leave_lanes()


def _each_layer(reduce_one: Reduce) -> Reduce:
    """Return what reduces every layer of a batch alone: one array (layers, ...) per sequence."""

    def reduce(answer: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        layers = [reduce_one(states, lengths) for states in answer]
        return [np.stack(of_one) for of_one in zip(*layers, strict=True)]

    return reduce


PROBE = Depth()
