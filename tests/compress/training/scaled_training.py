"""Train a tiny model and write its weights and loss curve: what `accelerate launch` starts in a test."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from xpareto.compress.data.batching import IGNORED, Batch
from xpareto.compress.heads.losses import cross_entropy
from xpareto.compress.training.distributed import join
from xpareto.compress.training.loop import Fitted, Schedule, fit

SIZE, LENGTH = 10, 6  # rows of a batch (not a multiple of any number of shares tested), and their length


class Tagged:
    """Rows of tokens with a label each where one is wanted: few in the first rows, all in the last."""

    def batch(self, number: int) -> Batch:
        random = np.random.default_rng([7, number])
        rows = SIZE if number % 5 else 1  # now and then fewer rows than processes
        ids = random.integers(0, 12, (rows, LENGTH))
        wanted = random.random((rows, LENGTH)) < np.linspace(0.05, 1.0, rows)[:, None]
        wanted[-1, -1] = True
        return {"input_ids": ids, "labels": np.where(wanted, ids % 3, IGNORED)}


class Tagger(torch.nn.Module):
    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(12, 8)
        self.drop = torch.nn.Dropout(dropout)
        self.inner = torch.nn.Linear(8, 8)
        self.unused = torch.nn.Linear(8, 8)  # as another task's head in a mixture: never has a gradient
        self.outer = torch.nn.Linear(8, 3)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.outer(torch.tanh(self.inner(self.drop(self.table(ids)))))


def loss(model: Tagger, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    return cross_entropy(model(batch["input_ids"]), batch["labels"])


def accuracy(model: Tagger) -> float:
    """Return a dev score that changes with every update."""
    ids = torch.arange(12)
    return -float(torch.nn.functional.cross_entropy(model(ids), ids % 3))


def trained(**changes: object) -> tuple[Tagger, Fitted]:
    """Train 23 updates and return the model and what happened."""
    plan = Schedule(
        **{"steps": 23, "learning_rate": 2e-2, "evaluate_every": 5, "precision": "fp32", **changes}
    )  # type: ignore[arg-type]
    model = Tagger()
    fitted = fit(
        model, Tagged(), loss, plan, seed=0, threads=1, progress=lambda *told: None, dev=accuracy
    )  # fmt: skip
    return model, fitted


def main(folder: Path) -> None:
    """Train; the first process writes what it has, every one says that it took part."""
    model, fitted = trained()
    processes = join()
    (folder / f"process-{processes.rank}-of-{processes.size}").touch()
    if processes.first:
        save_file(model.state_dict(), folder / "model.safetensors")
        told = {"loss": fitted.loss_curve, "dev": fitted.dev_scores, "best": fitted.best_step}
        (folder / "told.json").write_text(json.dumps(told))
    if processes.size > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
