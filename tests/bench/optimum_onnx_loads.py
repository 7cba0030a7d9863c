"""Check that exports load in optimum-onnx and sentence-transformers, and answer there as they were scored.

    python tests/bench/optimum_onnx_loads.py --env DIR [--newest DIR] [--models DIR]

Every sub-folder of --models is checked that holds a model.onnx, or files of sentence-transformers. Without --models
small ones are made: each head as ONNX, and an encoder with each pooling, several joined, a prompt and a longest
sentence, as torch and as ONNX. Logits and hidden states are held against bare onnxruntime in the other environment,
sentences' vectors against what our retrieval compares. optimum-onnx pins transformers 4, so it lives in an
environment of its own, beside the last sentence-transformers that takes it: --env names it, and it is made there when
missing; --newest names one for the sentence-transformers of transformers 5, which has no ONNX backend there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import make_environment

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("torch==2.13.0", "optimum-onnx==0.1.0", "onnxruntime==1.32.0", "sentence-transformers==5.7.0")
IMPORTS = "optimum.onnxruntime, sentence_transformers"
NEWEST = ("torch==2.13.0", "sentence-transformers==6.2.0")
TEXTS = (
    "The river rose in the night.",
    "Le fleuve.",
    "\u6cb3\u5728\u591c\u91cc\u6da8\u6c34\u3002",
    "Der Fluss stieg in der Nacht weit \u00fcber die Wiesen.",
)
EXPECTED = "expected.json"  # beside the models: folder -> the vectors of TEXTS that were scored

# Runs inside the other environment, which has none of our packages. Real text goes through the tokenizer
# that lies in the folder, padded, and once as a single row.
CHECK = """
import json, logging, pathlib, sys
import numpy as np, transformers
transformers.logging.set_verbosity_error()
logging.disable(logging.WARNING)
TEXTS, EXPECTED = json.loads(sys.argv[1]), json.loads(sys.argv[2])
try:
    import onnxruntime
    from optimum import onnxruntime as ort
except ImportError:
    ort = None

def with_optimum(folder):
    config = json.load(open(folder + "/config.json"))
    kind = (config.get("architectures") or ["XLMRobertaModel"])[0]
    cls = (ort.ORTModelForSequenceClassification if kind.endswith("SequenceClassification")
           else ort.ORTModelForTokenClassification if kind.endswith("TokenClassification")
           else ort.ORTModelForQuestionAnswering if kind.endswith("QuestionAnswering")
           else ort.ORTModelForMultipleChoice if kind.endswith("MultipleChoice")
           else ort.ORTModelForFeatureExtraction)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = cls.from_pretrained(folder)
    session = onnxruntime.InferenceSession(folder + "/model.onnx", providers=["CPUExecutionProvider"])
    longest = config["max_position_embeddings"] - config["pad_token_id"] - 1
    outputs = [output.name for output in session.get_outputs()]
    worst = 0.0
    for texts in (TEXTS, TEXTS[:1]):
        settings = {"padding": True, "truncation": True, "max_length": min(64, longest)}
        batch = tokenizer(texts, **settings, return_tensors="np")
        feed = {name: batch[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
        bare = dict(zip(outputs, session.run(outputs, feed)))
        given = tokenizer(texts, **settings, return_tensors="pt")
        theirs = model(**given)
        for name in outputs:
            worst = max(worst, float(np.abs(theirs[name].detach().numpy() - bare[name]).max()))
    labels = {str(index): label for index, label in (config.get("id2label") or {}).items()}
    same = {str(index): label for index, label in model.config.id2label.items()} == labels or not labels
    return {"class": cls.__name__, "max_abs_diff": worst, "labels": same, "outputs": outputs,
            "rows": list(feed["input_ids"].shape), "tokenizer": type(tokenizer).__name__}

def with_sentence_transformers(folder, backend):
    from sentence_transformers import SentenceTransformer
    settings = {"provider": "CPUExecutionProvider"} if backend == "onnx" else {}
    model = SentenceTransformer(folder, backend=backend, device="cpu", model_kwargs=settings, local_files_only=True)
    theirs = model.encode(TEXTS, convert_to_numpy=True).astype(np.float64)
    answer = {"longest": model.max_seq_length, "prompt": model.default_prompt_name, "width": theirs.shape[1]}
    if folder in EXPECTED:
        ours = np.array(EXPECTED[folder])
        cosines = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
        answer["max_1_minus_cosine"] = float((1 - cosines).max())
    return answer

found = {}
for folder in sys.argv[3:]:
    path, answer = pathlib.Path(folder), {}
    if ort is not None and (path / "model.onnx").is_file():
        answer["optimum"] = with_optimum(folder)
    if (path / "modules.json").is_file():
        if (path / "model.safetensors").is_file():
            answer["sentence-transformers"] = with_sentence_transformers(folder, "torch")
        elif ort is not None:
            answer["sentence-transformers"] = with_sentence_transformers(folder, "onnx")
    if answer:
        found[folder] = answer
print(json.dumps(found))
"""


def make_models(folder: Path) -> None:
    """Write small exports of every head, and of an encoder that makes sentences' vectors in every way."""
    for place in (ROOT, ROOT / ".packages"):
        sys.path.insert(0, str(place))
    from tests.tiny_world import TRAINED, TinyWorld
    from xpareto.compress.core.artifact import Manifest, seal
    from xpareto.compress.heads.sentence_vectors import POOLINGS, SentenceVectors
    from xpareto.compress.onnx.deployment import deploy

    worlds = folder / "worlds"
    worlds.mkdir()
    world = TinyWorld(worlds)
    encoder = world.source("encoder")
    for head in TRAINED:
        (folder / head).mkdir()
        deploy(world.exported(world.source(head)), folder / head)
    ways = {
        **{name: SentenceVectors((name,)) for name in POOLINGS},
        "joined": SentenceVectors(("cls", "mean", "lasttoken"), normalize=True),
        "prompted": SentenceVectors(
            normalize=True,
            longest=14,
            prompts={"query": "query: ", "passage": "passage: "},
            default_prompt="query",
        ),
        "lower-layer": SentenceVectors(("cls",)),
    }
    expected = {}
    for name, way in ways.items():
        base = worlds / name
        base.mkdir()
        for file in encoder.manifest.files:
            (base / file).write_bytes(encoder.file(file).read_bytes())
        config = json.loads((base / "config.json").read_text())
        way.write(config)
        (base / "config.json").write_text(json.dumps(config))
        layer = 1 if name == "lower-layer" else None
        source = seal(
            base, Manifest({}, "torch", "encoder", training_set="encoder", layer=layer, step="train")
        )
        for runtime, artifact in (("torch", source), ("onnxruntime", world.exported(source))):
            target = folder / f"{name}-{runtime}"
            target.mkdir()
            deploy(artifact, target)
            expected[target.name] = _vectors(artifact, runtime)
    (folder / EXPECTED).write_text(json.dumps(expected))


def _vectors(artifact: Any, runtime: str) -> list[list[float]]:
    """Return what our retrieval compares of TEXTS."""
    from xpareto.compress.architectures import max_tokens
    from xpareto.eval.encoding.text import TextEncoder
    from xpareto.eval.kinds.retrieve import KIND
    from xpareto.eval.probing.batches import run_all
    from xpareto.eval.probing.context import sentences_of
    from xpareto.eval.probing.predict import reducer
    from xpareto.eval.runtimes._runtime import RUNTIMES, model_config

    sentences, fits = sentences_of(artifact), max_tokens(model_config(artifact))
    tokenizer = TextEncoder(artifact.file("tokenizer.json"), sentences.prompt)
    ids = tokenizer.texts(TEXTS, min(fits, sentences.longest or fits))
    session = RUNTIMES.load(runtime).open(artifact, 1)
    return [vector.tolist() for vector in run_all(session, ids, reducer(KIND, artifact), pad_id=1)]


def check(python: Path, folders: Sequence[Path], expected: dict[str, Any]) -> dict[str, Any] | None:
    """Return what an environment made of every folder, by name; None where it failed."""
    # -I: neither the working folder nor a PYTHONPATH of the calling environment may leak in.
    given = json.dumps({str(folder): expected[folder.name] for folder in folders if folder.name in expected})
    command = [python, "-I", "-W", "ignore", "-c", CHECK, json.dumps(TEXTS), given, *map(str, folders)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode != 0:
        return None
    found = json.loads(answer.stdout.splitlines()[-1])
    return {Path(name).name: value for name, value in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--models", type=Path, help="folder whose sub-folders are exports; none: small ones are made"
    )
    parser.add_argument("--env", type=Path, required=True, help="environment of optimum-onnx to make or use")
    parser.add_argument("--newest", type=Path, help="environment of sentence-transformers 6 to make or use")
    parser.add_argument(
        "--tolerance", type=float, default=1e-4, help="of logits and states; of 1 - cosine a tenth"
    )
    arguments = parser.parse_args()
    with TemporaryDirectory() as made:
        models = arguments.models or Path(made)
        if arguments.models is None:
            make_models(models)
        folders = sorted(file.parent.resolve() for file in models.glob("*/config.json"))
        expected = json.loads((models / EXPECTED).read_text()) if (models / EXPECTED).is_file() else {}
        pythons = [make_environment(arguments.env, PACKAGES, IMPORTS)]
        pythons += (
            [make_environment(arguments.newest, NEWEST, "sentence_transformers")] if arguments.newest else []
        )
        answers = [check(python, folders, expected) for python in pythons]
    if not all(answers):
        print(f"{models}: expected exports that load, found none, or one that does not.", file=sys.stderr)
        return 2
    print(json.dumps(answers, indent=1))
    parts = [part for answer in answers if answer for folder in answer.values() for part in folder.values()]
    passed = all(
        part.get("max_abs_diff", 0.0) <= arguments.tolerance
        and part.get("labels", True)
        and part.get("max_1_minus_cosine", 0.0) <= arguments.tolerance / 10
        for part in parts
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
