"""The contestants of tests/bench/compression_peers.py: what our steps and what other tools make of one base."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import make_environment, run
from interleaved import Spent
from optimum_onnx_loads import IMPORTS as OPTIMUM_IMPORTS
from optimum_onnx_loads import PACKAGES as OPTIMUM
from plain_distillation import BATCH, RATE, Loops
from trim_vocab import AS_IT_COMES
from trim_vocab import PACKAGES as VOCABTRIMMER
from trim_vocab import THEIRS as TRIM

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import STEPS, Artifact, Context, Manifest, quiet, read_json, replace_json, seal
from xpareto.compress.data import Calibration, draw, read_lines
from xpareto.compress.models import load_model, save_model
from xpareto.eval.data import Data
from xpareto.pipelines.execution.data import TaskDataProvider

NNCF = ("nncf==3.4.0", "openvino==2026.4.1")
STATIC = Path(__file__).resolve().parent / "static_int8_peers.py"
MODELS = ("*.onnx", "*.onnx_data", "*.onnx.data", "*.xml", "*.bin", "*.safetensors")
KEPT_LANGUAGES, TRIM_TEXTS, TRIM_COVERAGE = ("en", "pt"), ("parallel", "mono"), 0.999
DISTILL_TEXT, DISTILL_LINES, DISTILL_LENGTH = "mono", 200, 128


@dataclass(frozen=True)
class Model:
    """A folder that an engine opens, and the tokenizer that it was made with."""

    folder: Path
    tokenizer: Path
    engine: str
    note: str = ""

    @property
    def bytes(self) -> int:
        files = [file for pattern in MODELS for file in self.folder.glob(pattern)]
        if self.engine.startswith("torch"):
            files.append(self.folder / "config.json")
        return sum(file.stat().st_size for file in files)


@dataclass(frozen=True)
class Bench:
    """What all contestants are made of."""

    folder: Path
    envs: Path
    base: Artifact
    data: Data
    arguments: Namespace

    @property
    def tokenizer(self) -> Path:
        return self.base.file("tokenizer.json")

    @property
    def fp32(self) -> Artifact:
        """Our export, made once."""
        return Artifact.open(self.made("fp32", whole_onnx).folder)

    def made(self, name: str, make: Callable[[Bench, Path], Model]) -> Model:
        """Return what a contestant makes in the folder of this name; what it made there before is not made again."""
        target, kept = self.folder / name, self.folder / f"{name}.json"
        if not kept.is_file():
            for left in (path for path in self.folder.glob(f"{name}*") if path.is_dir()):
                shutil.rmtree(left)
            model = make(self, target)
            replace_json(kept, {at: str(value) for at, value in vars(model).items()})
        told = read_json(kept)
        return Model(Path(told["folder"]), Path(told["tokenizer"]), told["engine"], told["note"])

    def step(self, name: str, fields: Mapping[str, Any], source: Artifact, target: Path) -> Artifact:
        """Return what one of our steps makes of an artifact."""
        target.mkdir()
        provider, threads = TaskDataProvider(self.data), self.arguments.threads
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            context = Context(provider, 0, threads, Path(scratch), lambda *_: None)
            made = STEPS.load(name).model_validate(fields).apply(source, target, context)
        return seal(
            target, Manifest({}, made.format, made.head, made.labels, layer=made.layer, notes=made.notes)
        )

    def model(self, made: Artifact, engine: str, note: str = "") -> Model:
        return Model(made.path, made.file("tokenizer.json"), engine, note)


Makers = dict[str, Callable[[Bench, Path], Model]]


def ours_dynamic(bench: Bench, target: Path) -> Model:
    return bench.model(bench.step("quantize_dynamic", {}, bench.fp32, target), "onnxruntime")


def whole_onnx(bench: Bench, target: Path) -> Model:
    return bench.model(bench.step("export_onnx", {}, bench.base, target), "onnxruntime")


def exported(bench: Bench, target: Path) -> Model:
    return bench.model(bench.fp32, "onnxruntime")


def optimum(bench: Bench, target: Path) -> Model:
    """Export and quantize by optimum's command line."""
    tool = optimum_tool(bench)
    fp32 = target.with_name(target.name + "-fp32")
    run(tool, "export", "onnx", "--task", "feature-extraction", "--model", bench.base.path, fp32)
    return optimum_quantized(bench, tool, fp32, target)


def optimum_on_ours(bench: Bench, target: Path) -> Model:
    return optimum_quantized(bench, optimum_tool(bench), bench.fp32.path, target)


def optimum_tool(bench: Bench) -> Path:
    return make_environment(bench.envs / "optimum-onnx", OPTIMUM, OPTIMUM_IMPORTS).parent / "optimum-cli"


def optimum_quantized(bench: Bench, tool: Path, source: Path, target: Path) -> Model:
    way = ("--avx512_vnni", "--per_channel", "--onnx_model", source)
    run(tool, "onnxruntime", "quantize", *way, "-o", target)
    return Model(target, bench.tokenizer, "onnxruntime")


def calibration(bench: Bench) -> dict[str, Any]:
    return {"examples": bench.arguments.calibration}


def ours_static(bench: Bench, target: Path) -> Model:
    fields = {"calibration": calibration(bench)}
    return bench.model(bench.step("quantize_static", fields, bench.fp32, target), "onnxruntime")


def ours_smoothed(bench: Bench, target: Path) -> Model:
    fields = {"calibration": calibration(bench)}
    smooth = bench.step("smooth_quant", fields, bench.fp32, target.with_name(target.name + "-smooth"))
    return bench.model(
        bench.step("quantize_static", fields | {"range": "minmax"}, smooth, target), "onnxruntime"
    )


def ours_static_on_openvino(bench: Bench, target: Path) -> Model:
    return bench.model(Artifact.open(bench.folder / "static-0"), "openvino", "runs on OpenVINO")


def static_peer(tool: str, engine: str, packages: tuple[str, ...] = ()) -> Callable[[Bench, Path], Model]:
    """Return what lets another tool quantize our export on the sentences that ours draws."""

    def make(bench: Bench, target: Path) -> Model:
        python = make_environment(bench.envs / tool, packages, tool) if packages else Path(sys.executable)
        chosen = Calibration.model_validate(calibration(bench))
        drawn = draw(chosen, TaskDataProvider(bench.data), bench.tokenizer, longest(bench.base), 0)
        file = bench.folder / "calibration.json"
        file.write_text(json.dumps([list(map(int, row)) for row in drawn.rows.input_ids]))
        run(python, "-I", "-W", "ignore", STATIC, tool, bench.fp32.file("model.onnx"), file, target)
        return Model(target, bench.tokenizer, engine, "runs on OpenVINO" if engine == "openvino" else "")

    return make


def ours_trimmed(bench: Bench, target: Path) -> Model:
    fields = {"text": [*TRIM_TEXTS], "languages": [*KEPT_LANGUAGES], "coverage": TRIM_COVERAGE}
    made = bench.step("trim_vocab", fields, bench.base, target)
    return bench.model(
        made, "torch-encoder", f"{made.manifest.notes['pieces']} pieces, coverage {TRIM_COVERAGE}"
    )


def whole_torch(bench: Bench, target: Path) -> Model:
    return bench.model(bench.base, "torch-encoder")


def vocabtrimmer(bench: Bench, target: Path) -> Model:
    """Let vocabtrimmer keep as many pieces as it wants: those that the text shows twice."""
    import transformers

    python = make_environment(bench.envs / "vocabtrimmer", VOCABTRIMMER, "vocabtrimmer")
    made, headed, text = (target.with_name(f"{target.name}-{what}") for what in ("made", "headed", "text"))
    # It takes no bare encoder, so this one gets an untrained head, which is left out again.
    save_model(load_model(bench.base.path, "classification", ("a", "b")), bench.base.path, headed)
    text.mkdir()
    lines = read_lines("trim_vocab", TRIM_TEXTS, KEPT_LANGUAGES, TaskDataProvider(bench.data))
    (text / "train.txt").write_text("\n".join(chain(*lines.values())) + "\n", encoding="utf-8")
    run(python, "-I", "-W", "ignore", "-c", TRIM, headed, text, made, AS_IT_COMES)
    # Not by our load_model, which refuses a <mask> whose id in the tokenizer is still that of the whole one.
    with quiet():
        encoder = transformers.XLMRobertaModel.from_pretrained(made, add_pooling_layer=False)
        encoder.save_pretrained(target)
    shutil.copy(made / "tokenizer.json", target)
    return Model(target, target / "tokenizer.json", "torch-encoder", f"{encoder.config.vocab_size} pieces")


def ours_as_large(bench: Bench, target: Path) -> Model:
    """Keep as many pieces as vocabtrimmer did."""
    pieces = read_json(bench.folder / "trim-2" / "config.json")["vocab_size"]
    fields = {"text": [*TRIM_TEXTS], "languages": [*KEPT_LANGUAGES], "pieces": pieces, "characters": "none"}
    made = bench.step("trim_vocab", fields, bench.base, target)
    return bench.model(made, "torch-encoder", f"{made.manifest.notes['pieces']} pieces")


def ours_distilled(bench: Bench, target: Path) -> Model:
    fields = {
        "student": {"layers": layers(bench) // 2}, "text": DISTILL_TEXT, "relations": {}, "limit": DISTILL_LINES,
        "max_length": DISTILL_LENGTH, "steps": bench.arguments.updates, "batch_size": BATCH, "learning_rate": RATE,
        "precision": "fp32",
    }  # fmt: skip
    made = bench.step("distill", fields, bench.base, target)
    return bench.model(made, "torch-encoder", loss_note([value for _, value in made.manifest.notes["loss"]]))


def plain_distilled(bench: Bench, target: Path) -> Model:
    loops = loops_of(bench)
    losses = loops.plain(False, Spent(), loops.student)
    save_model(loops.student, bench.base.path, target)
    return Model(target, bench.tokenizer, "torch-encoder", loss_note(losses))


def undistilled(bench: Bench, target: Path) -> Model:
    save_model(loops_of(bench).student, bench.base.path, target)
    return Model(target, bench.tokenizer, "torch-encoder", "no update")


def loops_of(bench: Bench) -> Loops:
    settings = {
        "threads": bench.arguments.threads,
        "updates": bench.arguments.updates,
        "length": DISTILL_LENGTH,
    }
    return Loops(bench.base.path, Namespace(**settings, data=bench.arguments.data, text=DISTILL_TEXT))


def loss_note(losses: Sequence[float]) -> str:
    return f"loss {losses[0]:.4f} to {losses[-1]:.4f}"


PARTS: dict[str, Makers] = {  # the first of each is the one that ratios and differences are over
    "dynamic": {
        "ours: quantize_dynamic": ours_dynamic,
        "whole model, ONNX": exported,
        "optimum-onnx, ORTQuantizer": optimum,
        "the same on our export": optimum_on_ours,
    },
    "static": {
        "ours: quantize_static": ours_static,
        "ours: smooth_quant, quantize_static": ours_smoothed,
        "whole model, ONNX": exported,
        "onnxruntime, quantize_static": static_peer("onnxruntime", "onnxruntime"),
        "the same, MatMul, Gemm, Gather": static_peer("onnxruntime-products", "onnxruntime"),
        "ours: quantize_static, on OpenVINO": ours_static_on_openvino,
        "NNCF": static_peer("nncf", "openvino", NNCF),
    },
    "trim": {
        "ours: trim_vocab": ours_trimmed,
        "whole model, torch": whole_torch,
        "vocabtrimmer": vocabtrimmer,
        "ours: trim_vocab, as many pieces": ours_as_large,
    },
    "distill": {
        "ours: distill": ours_distilled,
        "whole model, torch": whole_torch,
        "plain PyTorch, MiniLMv2": plain_distilled,
        "the student before": undistilled,
    },
}
PYTHONS = {
    "dynamic": ("optimum-onnx", OPTIMUM),
    "static": ("nncf", NNCF),
    "trim": ("vocabtrimmer", VOCABTRIMMER),
}


def longest(base: Artifact) -> int:
    return max_tokens(json.loads(base.file("config.json").read_text()))


def layers(bench: Bench) -> int:
    return int(json.loads(bench.base.file("config.json").read_text())["num_hidden_layers"])
