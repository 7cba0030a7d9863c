"""Distil a tiny model and write what came of it: what `accelerate launch` starts in a test."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from tests.compress.steps.test_distill import Sets
from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.step import Context
from xpareto.compress.steps.distill import Distill
from xpareto.compress.training.distributed import join


def main(source: Path, folder: Path) -> None:
    """Distil; the first process writes the artifact and the loss curve."""
    step = Distill(
        student={"layers": 2, "hidden_size": 8, "heads": 2, "ffn": 16}, on="tags", text="parallel",  # type: ignore[arg-type]
        hidden={}, relations={}, logits={}, labels={}, steps=7, batch_size=5, precision="fp32",  # type: ignore[arg-type]
    )  # fmt: skip
    folder.mkdir(exist_ok=True)
    processes = join()
    context = Context(
        Sets(), 0, 2, folder / "scratch", lambda *_: None, save_minutes=0, first=processes.first  # type: ignore[arg-type]
    )  # fmt: skip
    (folder.parent / f"process-{processes.rank}-of-{processes.size}").touch()
    made = step.apply(Artifact.open(source), folder, context)
    if processes.first:
        (folder.parent / f"{folder.name}.json").write_text(json.dumps(made.notes["loss"]))
    if processes.size > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
