"""Try mixes of precisions on a model: what they do to its predictions, and how long they take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from xpareto.compress.core import Artifact, Context, interleaved, read_json
from xpareto.compress.heads import SentenceVectors
from xpareto.compress.mixed_precision.drift import Predictions, Sample, predict, reading
from xpareto.compress.mixed_precision.groups import (
    EMBEDDINGS,
    FLOAT,
    Group,
    in_precisions,
    table_rows,
    with_kept_rows,
)
from xpareto.compress.mixed_precision.path_search import Assignment, Reading
from xpareto.compress.mixed_precision.samples import Samples, Use
from xpareto.compress.onnx import MODEL, Run, onnx_run, weight_products, write
from xpareto.compress.quantization import Affine, chosen_range
from xpareto.compress.quantization.graph import collect
from xpareto.compress.training import Remap

if TYPE_CHECKING:
    from onnx import ModelProto

_ROUNDS = 12
_UNUSABLE = 1e9  # harm of a mix whose outputs are not finite


class Trial:
    """One model and its groups; mixes are made, run and thrown away one at a time.

    Of the word embeddings, 69 % of XLM-R base, only the rows that the samples show are kept meanwhile.
    """

    def __init__(
        self, model: ModelProto, source: Artifact, groups: Sequence[Group],
        samples: Samples, context: Context, *, percentile: float, reduce_range: bool,
    ) -> None:  # fmt: skip
        special = samples.ranges.special
        remap = Remap(
            [special.kept, *samples.shown()], max(table_rows(model), 1 + max(map(max, samples.shown())))
        )
        self._special = special.mapped(remap)
        self._rows = len(remap.kept)
        self._model = with_kept_rows(model, remap.kept)
        self._groups, self._samples, self._context = groups, samples.mapped(remap), context
        self._manifest, self._folder = source.manifest, source.path
        self._sentences = SentenceVectors.of(read_json(source.path / "config.json"))
        self._percentile, self._reduce_range = percentile, reduce_range
        self._source: dict[Use, dict[str, Predictions]] = {}
        self.codes: dict[str, Affine] = {}

    def calibrate(self) -> None:
        """Take the codes of every product's input from one pass of the float model over the ranges' examples."""

        nodes = {name for group in self._groups for name in group.nodes}
        products = {name: product for name, product in weight_products(self._model).items() if name in nodes}
        inputs = list(dict.fromkeys(product.source for product in products.values()))
        stats = collect(self._folder, inputs, self._samples.ranges, self._context.threads)
        self.codes = {
            name: Affine.over(*chosen_range(stats[product.source], "percentile", self._percentile))
            for name, product in products.items()
        }

    def sensitivities(self, offered: Mapping[str, Sequence[str]]) -> dict[str, dict[str, float]]:
        """Return group -> precision -> divergence in the language that suffers most, of that group alone."""
        alone = [
            (group.name, name) for group in self._groups for name in offered[group.name] if name != FLOAT
        ]
        divergences: dict[str, dict[str, float]] = {group.name: {FLOAT: 0.0} for group in self._groups}
        for number, (group, name) in enumerate(alone):
            self._context.progress(number, len(alone), f"sensitivity of {group} in {name}")
            worst = max(self.reading({group: name}, "selection").divergence.values())
            divergences[group][name] = min(max(worst, 0.0), _UNUSABLE)
        return divergences

    def reading(self, mix: Assignment, use: Use) -> Reading:
        """Return what a mix does to the source's predictions; groups that it leaves out stay float."""
        samples = self._samples.of(use)
        if use not in self._source:
            with self._running(self._model) as run:
                self._source[use] = self._predictions(run, samples)
        with self._running(self._made(mix)) as run:
            return reading(self._source[use], self._predictions(run, samples))

    def times(self, products: Sequence[str], batch: int, length: int) -> dict[str, float]:
        """Return the median milliseconds of the model with all products in each precision, taken side by side.

        CPU time of one thread: other processes on the machine do not count into it.
        """
        import time

        random = np.random.default_rng(0)
        pieces = np.setdiff1d(np.arange(self._rows), sorted(self._special.special))
        ids = pieces[random.integers(0, len(pieces), (batch, length))]
        ids[:, 0], ids[:, -1] = self._special.bos, self._special.eos
        mask = np.ones_like(ids)
        runs = {}
        for name in (FLOAT, *products):
            mix = {group.name: name for group in self._groups if group.name != EMBEDDINGS}
            with self._running(
                self._made(mix), 1
            ) as run:  # what onnxruntime has loaded needs its file no more
                runs[name] = lambda run=run: run(ids, mask)
        milliseconds = interleaved(
            runs,
            _ROUNDS,
            0,
            clock=time.process_time,
            progress=lambda done, all_: self._context.progress(done, all_, "timing"),
        )
        return {name: float(np.median(values)) for name, values in milliseconds.items()}

    def _made(self, mix: Assignment) -> ModelProto:
        whole = {group.name: mix.get(group.name, FLOAT) for group in self._groups}
        return in_precisions(self._model, self._groups, whole, self.codes, reduce_range=self._reduce_range)

    @contextmanager
    def _running(self, model: ModelProto, threads: int | None = None) -> Iterator[Run]:
        with TemporaryDirectory(dir=self._context.scratch) as folder:
            write(model, Path(folder))
            del model
            yield onnx_run(Path(folder) / MODEL, threads or self._context.threads)

    def _predictions(self, run: Run, samples: Sequence[Sample]) -> dict[str, Predictions]:
        head, layer, pad_id = self._manifest.head, self._manifest.layer, self._special.pad
        sentences = self._sentences
        return {sample.name: predict(run, head, layer, sample, pad_id, sentences) for sample in samples}
