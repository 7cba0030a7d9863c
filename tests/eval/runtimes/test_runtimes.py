from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.eval.runtimes._runtime import RUNTIMES, Runtime
from xpareto.eval.runtimes.onnxruntime import output_names

HEADS = [
    ("classification", ("a", "b", "c"), None),
    ("tagging", ("A", "B"), None),
    ("encoder", (), None),
    ("encoder", (), 1),
    ("encoder", (), 3),
]


def batch(lengths: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.where(mask == 1, generator.integers(4, 60, mask.shape), 1)
    return ids, mask


def answer(runtime: str, artifact: Artifact, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    session = RUNTIMES.load(runtime).open(artifact, 1)
    found = session.run(ids, mask)
    session.close()
    return found


Build = Callable[..., Artifact]


@pytest.mark.parametrize("symbolic_width", [False, True])
@pytest.mark.parametrize(("head", "labels", "layer"), HEADS)
def test_onnxruntime_answers_for_every_head_and_layer(
    onnx_artifact: Build,
    onnx_oracle: Callable[..., np.ndarray],
    head: str,
    labels: tuple[str, ...],
    layer: int | None,
    symbolic_width: bool,
) -> None:
    artifact = onnx_artifact(head, labels, layer, symbolic_width=symbolic_width)
    for lengths in ([7], [1, 9, 4], [5, 5]):
        ids, mask = batch(lengths)
        found = answer("onnxruntime", artifact, ids, mask)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, onnx_oracle(head, labels, layer, ids, mask), atol=1e-5)


def test_half_precision_outputs_come_back_as_float32(
    onnx_artifact: Build, onnx_oracle: Callable[..., np.ndarray]
) -> None:
    ids, mask = batch([4, 6])
    found = answer("onnxruntime", onnx_artifact("tagging", ("A", "B"), dtype="float16"), ids, mask)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, onnx_oracle("tagging", ("A", "B"), None, ids, mask), atol=0.05)


def test_inputs_need_not_be_contiguous(onnx_artifact: Build, onnx_oracle: Callable[..., np.ndarray]) -> None:
    ids, mask = batch([8, 8])
    found = answer("onnxruntime", onnx_artifact("encoder"), ids[:, ::2], mask[:, ::2])
    np.testing.assert_allclose(found, onnx_oracle("encoder", (), None, ids[:, ::2], mask[:, ::2]), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("head", "labels", "layer"), HEADS)
def test_onnxruntime_gives_what_torch_gives(
    torch_artifact: Build, tmp_path: Path, head: str, labels: tuple[str, ...], layer: int | None
) -> None:
    from xpareto.compress.core.registry import STEPS
    from xpareto.compress.core.step import Context

    source, folder = torch_artifact(head, labels, layer), tmp_path / "onnx"
    folder.mkdir()
    context = Context(None, 0, 1, tmp_path, lambda done, total, what: None)  # type: ignore[arg-type]
    made = STEPS.load("export_onnx")().apply(source, folder, context)
    exported = seal(folder, Manifest({}, made.format, made.head, made.labels, None, made.layer))
    for lengths in ([7], [1, 9, 4], [5, 5]):
        ids, mask = batch(lengths)
        wanted, found = answer("torch", source, ids, mask), answer("onnxruntime", exported, ids, mask)
        real = mask.astype(bool) if wanted.ndim == 3 else slice(None)  # padding holds anything
        np.testing.assert_allclose(found[real], wanted[real], atol=2e-4)


def test_torch_reads_the_hidden_state_that_the_manifest_names(torch_artifact: Build) -> None:
    import torch
    import transformers

    artifact = torch_artifact("encoder", (), 2)
    ids, mask = batch([6, 3])
    model = transformers.XLMRobertaModel.from_pretrained(artifact.path, add_pooling_layer=False).eval()
    with torch.no_grad():
        states = model(
            torch.from_numpy(ids), attention_mask=torch.from_numpy(mask), output_hidden_states=True
        ).hidden_states
    found = answer("torch", artifact, ids, mask)
    real = mask.astype(bool)
    np.testing.assert_allclose(found[real], states[2].numpy()[real], atol=1e-5)
    assert not np.allclose(found[real], states[3].numpy()[real], atol=1e-2)


def test_padding_changes_no_answer(torch_artifact: Build) -> None:
    artifact = torch_artifact("classification", ("a", "b"))
    ids, mask = batch([9, 4])
    together = answer("torch", artifact, ids, mask)
    alone = answer("torch", artifact, ids[1:, :4].copy(), mask[1:, :4].copy())
    np.testing.assert_allclose(together[1:], alone, atol=1e-5)


def test_an_onnx_answer_is_not_overwritten_by_the_next(
    onnx_artifact: Build,
) -> None:
    exported = onnx_artifact("tagging", ("A", "B"))
    session = RUNTIMES.load("onnxruntime").open(exported, 1)
    first = session.run(*batch([5, 3], seed=1))
    before = first.copy()
    session.run(*batch([5, 3], seed=2))
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_an_overlong_input_is_refused_with_the_limit(
    torch_artifact: Build, onnx_artifact: Build, runtime: str
) -> None:
    artifact = {"torch": torch_artifact, "onnxruntime": onnx_artifact}[runtime]("classification", ("a", "b"))
    longest, overlong = batch([64]), batch([65])
    assert answer(runtime, artifact, *longest).shape == (1, 2)
    with pytest.raises(InputError, match="at most 64 tokens, found 65"):
        answer(runtime, artifact, *overlong)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_a_damaged_model_is_a_clear_error(
    torch_artifact: Build, onnx_artifact: Build, runtime: str, tmp_path: Path
) -> None:
    artifact = {"torch": torch_artifact, "onnxruntime": onnx_artifact}[runtime]("encoder")
    name = "model.onnx" if runtime == "onnxruntime" else "model.safetensors"
    (tmp_path / name).write_bytes((artifact.path / name).read_bytes()[:500])
    (tmp_path / "config.json").write_bytes((artifact.path / "config.json").read_bytes())
    broken = seal(tmp_path, Manifest({}, artifact.manifest.format, "encoder"))
    with pytest.raises(InputError, match="cannot"):
        RUNTIMES.load(runtime).open(broken, 1)


def test_a_model_without_its_head_is_refused_and_not_filled_with_noise(
    torch_artifact: Build, tmp_path: Path
) -> None:
    encoder = torch_artifact("encoder")
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((encoder.path / name).read_bytes())
    headless = seal(tmp_path, Manifest({}, "torch", "classification", labels=("a",)))
    with pytest.raises(InputError, match="Train the head"):
        RUNTIMES.load("torch").open(headless, 1)


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_the_other_format_is_refused(torch_artifact: Build, onnx_artifact: Build, runtime: str) -> None:
    artifact = {"torch": onnx_artifact, "onnxruntime": torch_artifact}[runtime]("encoder")
    with pytest.raises(InputError, match=r"opens (torch|onnx) artifacts"):
        RUNTIMES.load(runtime).open(artifact, 1)


def test_a_layer_beyond_the_last_is_refused(torch_artifact: Build) -> None:
    with pytest.raises(InputError, match="from 0 to 3, found layer 4"):
        RUNTIMES.load("torch").open(torch_artifact("encoder", (), 4), 1)


def test_an_inner_layer_has_an_output_of_its_own_and_the_last_has_not(
    torch_artifact: Build,
) -> None:
    assert output_names(torch_artifact("encoder", (), 2)) == ("hidden_state_2",)
    assert output_names(torch_artifact("encoder", (), 3)) == ("last_hidden_state",)
    assert output_names(torch_artifact("tagging", ("A",))) == ("logits",)


@pytest.mark.parametrize("name", RUNTIMES.names)
def test_every_runtime_states_its_name_threads_and_version(name: str) -> None:
    runtime: Runtime = RUNTIMES.load(name)
    facts = runtime.facts()
    assert runtime.name == name
    assert {"threads", name} <= set(facts)
    assert json.loads(json.dumps(dict(facts))) == dict(facts)
