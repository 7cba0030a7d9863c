"""Statistics of inner values of an ONNX model over calibration data, in one pass."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.core import InputError
from xpareto.compress.data import CalibrationBatch, CalibrationSet
from xpareto.compress.onnx import MODEL, SIDECAR
from xpareto.compress.quantization import ActivationStats

if TYPE_CHECKING:
    from onnx import ModelProto

_MOST_TOKENS = 1024  # of a batch, so that all inner values of it fit in memory at once
See = Callable[[str, np.ndarray, np.ndarray], None]  # (name, vectors (count, width), languages (count,))


def collect(
    folder: Path, names: Sequence[str], data: CalibrationSet, threads: int, sample_rows: int = 0
) -> dict[str, ActivationStats]:
    """Return the statistics of the named values of the model in a folder, by name.

    Padded places are left out. Values are (batch, length, width) or (batch, width); `sample_rows`
    vectors of each batch are kept as they are.
    """
    stats_by_name: dict[str, ActivationStats] = {}

    def see(name: str, vectors: np.ndarray, languages: np.ndarray) -> None:
        if name not in stats_by_name:
            stats_by_name[name] = ActivationStats(data.languages, vectors.shape[1], sample_rows)
        try:
            stats_by_name[name].add(vectors, languages)
        except FloatingPointError as error:
            raise InputError(
                f"calibration: expected finite activations, found {error} in {name}. The model itself is broken: "
                "measure it before quantization."
            ) from error

    watch(folder, names, data, threads, see)
    return stats_by_name


def watch(folder: Path, names: Sequence[str], data: CalibrationSet, threads: int, see: See) -> None:
    """Run the model in a folder over the data and hand every batch's named values to `see`."""
    place = {language: index for index, language in enumerate(data.languages)}
    with _session(folder, names, threads) as session:
        for batch in data.batches(max(1, _MOST_TOKENS // _longest(data))):
            values = session.run(
                list(names), {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
            )
            rows = np.array([place[language] for language in batch.languages])
            for name, value in zip(names, values, strict=True):
                see(name, *_vectors(name, value, batch, rows))


def _longest(data: CalibrationSet) -> int:
    return max(len(row) for row in data.rows.input_ids)


def _vectors(
    name: str, value: np.ndarray, batch: CalibrationBatch, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of all attended places and the language of each."""
    mask = batch.attention_mask == 1
    if value.ndim == 3 and value.shape[:2] == mask.shape:
        return value[mask], np.broadcast_to(rows[:, None], mask.shape)[mask]
    if value.ndim == 2 and len(value) == len(rows):
        return value, rows
    raise InputError(
        f"calibration: {name}: expected shape (batch, length, width) or (batch, width), found {value.shape} "
        f"for input {mask.shape}. Leave the product that reads it in float with exclude_nodes."
    )


@contextmanager
def _session(folder: Path, names: Sequence[str], threads: int) -> Iterator[Any]:
    """Open the model with the named values as outputs beside its own."""
    import onnx
    import onnxruntime

    model = onnx.load(folder / MODEL, load_external_data=False)
    _expose(model, names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as temporary:
        # A file and not bytes: weights that lie beside a model are looked for where it lies.
        (Path(temporary) / MODEL).write_bytes(model.SerializeToString())
        if (folder / SIDECAR).is_file():
            shutil.copyfile(folder / SIDECAR, Path(temporary) / SIDECAR)
        del model
        yield onnxruntime.InferenceSession(
            str(Path(temporary) / MODEL), options, providers=["CPUExecutionProvider"]
        )


def _expose(model: ModelProto, names: Sequence[str]) -> None:
    from onnx import TensorProto
    from onnx.helper import make_tensor_value_info

    known = {value.name for value in (*model.graph.output, *model.graph.input)}
    for name in names:
        if name not in known:
            model.graph.output.append(make_tensor_value_info(name, TensorProto.FLOAT, None))
