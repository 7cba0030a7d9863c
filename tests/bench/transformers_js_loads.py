"""Check that exports of layout hub load in transformers.js and answer there as onnxruntime answers here.

    python tests/bench/transformers_js_loads.py --modules DIR [--models DIR]

--modules is a folder of `npm install @huggingface/transformers`, made there when missing (Node 20 or newer). Every
folder below --models is checked that has a graph in onnx/, as `xpareto export RUN CANDIDATE DIR --layout hub` writes
them; without it small ones are made of every head, in float32 and int8. The model and the tokenizer are taken by
transformers.js' own calls, with nothing but the folder; a row is two texts for heads of classes, one text for others.
Printed is the largest difference of any logit, or of any number of a sentence's vector, from onnxruntime on what the
tokenizer of the folder gives; exit code 1 where one is greater than --tolerance, or the tokens differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from environments import run

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "@huggingface/transformers@4.3.2"
TEXTS = ("A river rose.", "Le fleuve.", "\u6cb3\u6da8\u6c34\u3002")  # short: it cuts pairs in its own way
SECOND = ("It rained.", "Il pleut.", "\u4e0b\u96e8\u4e86\u3002")
LOAD = """
import { AutoTokenizer, env, pipeline, __CLASS__ as Model } from "@huggingface/transformers";
env.allowRemoteModels = false;
env.localModelPath = "./";
const [texts, second] = JSON.parse(process.argv[2]);
const tokenizer = await AutoTokenizer.from_pretrained(".");
const model = await Model.from_pretrained(".");
const options = { padding: true, truncation: true };
const inputs = tokenizer(texts, second ? { text_pair: second, ...options } : options);
const outputs = await model(inputs);
const answer = { ids: inputs.input_ids.tolist().map((row) => row.map(Number)) };
for (const [name, value] of Object.entries(outputs)) answer[name] = value.tolist();
if (outputs.last_hidden_state) {
  const encode = await pipeline("feature-extraction", ".");
  answer.vectors = (await encode(texts, { pooling: "mean", normalize: true })).tolist();
}
console.log(JSON.stringify(answer));
"""


def make_models(folder: Path) -> None:
    """Write small exports of every head, in float32 and int8."""
    for place in (ROOT, ROOT / ".packages"):
        sys.path.insert(0, str(place))
    from tests.tiny_world import TRAINED, TinyWorld
    from xpareto.compress.core import STEPS
    from xpareto.compress.onnx.deployment import deploy

    world = TinyWorld(folder)
    for head in TRAINED:
        exported = world.exported(world.source(head))
        dynamic = world.make("quantize_dynamic", STEPS.load("quantize_dynamic").model_validate({}), exported)
        for name, artifact in (("float", exported), ("int8", dynamic)):
            target = folder / "exports" / f"{head}-{name}"
            target.mkdir(parents=True)
            deploy(artifact, target, "hub")


def there(model: Path, modules: Path) -> dict[str, Any]:
    """Return what transformers.js makes of a folder: the tokens' ids, and its outputs by name."""
    (kind,) = json.loads((model / "config.json").read_text())["architectures"]
    pairs = kind.endswith(("SequenceClassification", "MultipleChoice"))
    named = "AutoModel"
    for ending in ("SequenceClassification", "TokenClassification", "QuestionAnswering"):
        named += f"For{ending}" if kind.endswith(ending) else ""
    script = modules / "load.mjs"
    script.write_text(LOAD.replace("__CLASS__", named))
    words = ["node", script, json.dumps([TEXTS, SECOND if pairs else None])]
    answer = subprocess.run(
        [str(word) for word in words], cwd=model, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise SystemExit(f"{model.name}: {answer.stderr.strip()[-500:]}")
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def difference(model: Path, found: dict[str, Any]) -> float:
    """Return the largest difference of what was found from onnxruntime; infinite where the tokens differ."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    config = json.loads((model / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(config["max_position_embeddings"] - config["pad_token_id"] - 1)
    tokenizer.enable_padding(pad_id=config["pad_token_id"], pad_token="<pad>")
    (kind,) = config["architectures"]
    pairs = kind.endswith(("SequenceClassification", "MultipleChoice"))
    rows = tokenizer.encode_batch(list(zip(TEXTS, SECOND, strict=True)) if pairs else list(TEXTS))
    ids = np.array([row.ids for row in rows], np.int64)
    mask = np.array([row.attention_mask for row in rows], np.int64)
    if ids.tolist() != found["ids"]:
        return float("inf")
    (graph,) = (model / "onnx").glob("*.onnx")
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = dict(zip(names, session.run(None, {"input_ids": ids, "attention_mask": mask}), strict=True))
    if "last_hidden_state" in values:
        states = values.pop("last_hidden_state")
        vectors = (states * mask[..., None]).sum(1) / mask.sum(1)[:, None]
        values["vectors"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    differences = []
    for name, value in values.items():
        away = np.abs(np.asarray(found[name]) - value)
        differences.append(float((away[mask == 1] if away.shape[:2] == mask.shape else away).max()))
    return max(differences)


def exports(folder: Path) -> Iterator[Path]:
    for config in sorted(folder.rglob("config.json")):
        if len(list(config.parent.glob("onnx/*.onnx"))) == 1:
            yield config.parent


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modules", type=Path, required=True)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    arguments = parser.parse_args()
    modules = arguments.modules.absolute()
    if not (modules / "node_modules").is_dir():
        modules.mkdir(parents=True, exist_ok=True)
        run("npm", "install", "--silent", "--prefix", modules, PACKAGE)
    with TemporaryDirectory() as made:
        models = arguments.models or Path(made)
        if arguments.models is None:
            make_models(models)
        found = {
            str(model.relative_to(models)): difference(model, there(model, modules))
            for model in exports(models)
        }
    print(json.dumps(found, indent=1))
    if not found:
        print(f"{models}: expected exports of layout hub, found none.", file=sys.stderr)
        return 2
    return int(any(value > arguments.tolerance for value in found.values()))


if __name__ == "__main__":
    sys.exit(main())
