"""Small recipes and a start that needs no file, for tests of checking and planning."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xpareto.compress.core.step import DataNeed
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import training_set
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.inputs import Base, Start
from xpareto.pipelines.planning.plan import make_plan
from xpareto.pipelines.planning.preflight import check_evaluation, check_training
from xpareto.pipelines.planning.workload import Workload, workloads
from xpareto.pipelines.recipe.checks import check
from xpareto.pipelines.recipe.located_yaml import parse_yaml
from xpareto.pipelines.recipe.overrides import apply_overrides
from xpareto.pipelines.recipe.schema import Checked
from xpareto.pipelines.storage.fingerprints import Fingerprints
from xpareto.pipelines.storage.lock import Lock
from xpareto.pipelines.storage.store import Store

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"

GOOD = """\
xpareto: 1
name: tiny
tasks: [udpos, xnli, tatoeba]
steps:
  - arms
  - step: train
    label: fp32
    on: each
    epochs: 1
  - step: export_onnx
    label: onnx
  - step: quantize_dynamic
    label: int8
arms:
  none: []
  mnli:
    - {step: train, label: intermediate, on: mnli, epochs: 2}
"""


@pytest.fixture
def good() -> str:
    return GOOD


@pytest.fixture
def checked() -> Callable[..., Checked]:
    def read(text: str = GOOD, *overrides: str) -> Checked:
        return check(apply_overrides(parse_yaml(text, "r.yaml"), overrides))

    return read


def some_start(data: str = "d0", base: str | None = "b0") -> Any:
    """Return a start whose fingerprints are given and not read from files."""
    found = Base(base, "b", Path("b"), None, None, "mlm", "r.yaml: base") if base is not None else None

    def fingerprint(need: DataNeed) -> str:
        if need.kind == "metric":
            return ", ".join(training_set(need.name).dev_metrics)
        return f"{data}:{need.kind}:{need.name}"

    return SimpleNamespace(base=found, fingerprint=fingerprint)


@pytest.fixture
def planned(checked: Callable[..., Checked]) -> Callable[..., Plan]:
    def plan(text: str = GOOD, *overrides: str, data: str = "d0", base: str | None = "b0") -> Plan:
        return make_plan(checked(text, *overrides), some_start(data, base))

    return plan


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Path], Start]:
    """Return a function: data folder -> a start that reads it, with a base that is never opened."""

    def on(root: Path) -> Start:
        spec = DataSpec(str(root))
        base = Base("b0", "b", Path("b"), None, None, "mlm", "r.yaml: base")
        return Start(base, Data.open(spec), spec, str(root), Fingerprints(None), Lock.new(tmp_path / "hub"))

    return on


@pytest.fixture
def preflight(
    opened: Callable[[Path], Start], checked: Callable[..., Checked], tmp_path: Path
) -> Callable[[Path, str], tuple[Workload, ...]]:
    """Return a function: (data folder, recipe) -> its work, after all data were read, before any work."""

    def run(root: Path, recipe: str) -> tuple[Workload, ...]:
        found, start, store = checked(recipe), opened(root), Store(tmp_path / "store")
        work = check_evaluation(workloads(found.recipe, start), start, store)
        check_training(work, make_plan(found, start), start, store)
        return work

    return run


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Sequence[str]], Path]:
    """Return a function: (shipped recipe, overrides) -> its run folder on the real small model and data.

    The recipe runs as a user runs it, in a process of its own. Skips where model or data are not there.
    """

    def start(recipe: str, overrides: Sequence[str]) -> Path:
        model, data = SHARED / "models/mini-xlmr", SHARED / "data"
        for needed in (model, data):
            if not needed.is_dir():
                pytest.skip(f"no ../{needed.relative_to(ROOT.parent)} beside the repository")
        folder = tmp_path_factory.mktemp("real")
        words = ["run", recipe, "--base", str(model), "--data", str(data)]
        for override in overrides:
            words += ["--set", override]
        done = subprocess.run(
            [sys.executable, "-m", "xpareto.pipelines", *words],
            cwd=folder, capture_output=True, text=True, check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (found,) = (path.parent for path in folder.glob("runs/*/SEAL.json"))
        return found

    return start


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tiny XLM-R checkpoint with random weights and a tokenizer of its size."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram
    from tokenizers.pre_tokenizers import Metaspace
    from tokenizers.processors import TemplateProcessing
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    folder = tmp_path_factory.mktemp("base")
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -1.0)]
    pieces += [(letter, -2.0) for letter in "abcdefghijklmnopqrstuvwxyz"] + [("<mask>", 0.0)]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=3))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(pieces), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=66, type_vocab_size=1, pad_token_id=1,
    )  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    return folder
