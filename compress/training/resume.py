"""What training must remember to go on after a kill as if nothing had happened, in one file without pickle."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import parse_json
from xpareto.compress.data import Batch

if TYPE_CHECKING:
    import torch

SAVED_TRAINING = "training.safetensors"


@dataclass(frozen=True)
class Saving:
    """Where the state is kept, and after how many minutes it is written anew; 0: never."""

    folder: Path
    every_minutes: float = 5.0


@dataclass
class TrainingState:
    """What changes while a model learns, besides its weights, its optimizer and the random state.

    `kept` holds the weights of the best dev score so far; `waiting` the losses of the updates since
    the last point of the curve.
    """

    patience: int
    step: int = 0  # updates made
    curve: list[tuple[int, float]] = field(default_factory=list)
    dev_scores: list[tuple[int, float]] = field(default_factory=list)
    best_step: int = 0
    best_score: float | None = None
    worse: int = 0  # dev scores since the best one
    kept: dict[str, torch.Tensor] = field(default_factory=dict)
    waiting: list[torch.Tensor] = field(default_factory=list)
    tokens: int | None = 0  # shown so far; None: not known, since an earlier version did not count

    def scored(self, score: float, model: Any, *, keep: bool) -> None:
        """Add a dev score; where it is the best so far, `keep` copies the weights."""
        self.dev_scores.append((self.step, score))
        if self.best_score is not None and score <= self.best_score:
            self.worse += 1
            return
        self.best_step, self.best_score, self.worse = self.step, score, 0
        if keep:
            self.kept = {name: value.detach().clone() for name, value in _learning(model).items()}

    @property
    def exhausted(self) -> bool:
        """Has the dev score not risen for `patience` scores?"""
        return 0 < self.patience <= self.worse

    @property
    def shown(self) -> str:
        """Return what is counted, with the last loss and dev score, for a line of progress."""
        loss = f", loss {self.curve[-1][1]:.3f}" if self.curve else ""
        return "updates" + loss + (f", dev {self.dev_scores[-1][1]:.2f}" if self.dev_scores else "")

    def restore_best(self, model: Any) -> None:
        """Give the model the weights of the best dev score, where there is one."""
        import torch

        with torch.no_grad():
            for name, value in _learning(model).items():
                if name in self.kept:
                    value.copy_(self.kept[name])


class StateFile:
    """The state of one training in one file, replaced as a whole.

    It is taken up again only by a training with the same `fingerprint`, and with parameters of the same
    names and shapes.
    """

    def __init__(self, saving: Saving | None, fingerprint: str) -> None:
        self._saving = saving
        self._fingerprint = fingerprint
        self._last = time.monotonic()

    def due(self) -> bool:
        """Is it time to save?"""
        minutes = self._saving.every_minutes if self._saving else 0
        return minutes > 0 and time.monotonic() - self._last >= 60 * minutes

    def save(self, state: TrainingState, model: Any, optimizer: Any, device: Any) -> None:
        """Write the state; a kill meanwhile leaves the one before."""
        import torch
        from safetensors.torch import save_file

        assert self._saving is not None
        tensors = {f"model/{name}": value for name, value in _learning(model).items()}
        tensors |= {f"buffer/{name}": value for name, value in model.named_buffers()}
        tensors |= {f"kept/{name}": value for name, value in state.kept.items()}
        tensors |= {f"random/{name}": value for name, value in _random(device).items()}
        if state.waiting:
            tensors["waiting/losses"] = torch.stack(state.waiting)
        for name, weight in _learning(model).items():
            for key, value in optimizer.state.get(weight, {}).items():
                tensors[f"optimizer/{key}/{name}"] = value
        facts = {
            "fingerprint": self._fingerprint,
            "step": state.step,
            "curve": state.curve,
            "dev_scores": state.dev_scores,
            "best_step": state.best_step,
            "best_score": state.best_score,
            "worse": state.worse,
            "tokens": state.tokens,
        }
        self._saving.folder.mkdir(parents=True, exist_ok=True)
        file = self._saving.folder / SAVED_TRAINING
        new = file.with_suffix(".new")
        plain = {name: value.detach().to("cpu").contiguous() for name, value in tensors.items()}
        save_file(plain, new, metadata={"state": json.dumps(facts)})
        with new.open("rb") as stream:
            os.fsync(stream.fileno())
        new.replace(file)
        self._last = time.monotonic()

    def load(self, model: Any, optimizer: Any, device: Any, patience: int) -> TrainingState:
        """Return the saved state after giving model, optimizer and random state what was saved of them.

        A fresh state, with nothing changed, where none was saved or it belongs to another training.
        """
        fresh = TrainingState(patience)
        facts, tensors = self._read()
        weights = _learning(model)
        saved = _under(tensors, "model")
        if not facts or _shapes(saved) != _shapes(weights):
            return fresh
        _take(weights, saved)
        _take(dict(model.named_buffers()), _under(tensors, "buffer"))
        for name, value in _under(tensors, "optimizer").items():
            key, _, weight_name = name.partition("/")
            weight = weights[weight_name]
            optimizer.state[weight][key] = value.to(weight.device)
        _set_random(_under(tensors, "random"), device)
        return TrainingState(
            patience=patience,
            step=facts["step"],
            curve=[(step, loss) for step, loss in facts["curve"]],
            dev_scores=[(step, score) for step, score in facts["dev_scores"]],
            best_step=facts["best_step"],
            best_score=facts["best_score"],
            worse=facts["worse"],
            tokens=facts.get("tokens"),
            kept={name: value.to(device) for name, value in _under(tensors, "kept").items()},
            waiting=[loss for losses in _under(tensors, "waiting").values() for loss in losses.to(device)],
        )

    def _read(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Return (facts, tensors) of the file; nothing where it is absent, damaged or of another training."""
        from safetensors import SafetensorError, safe_open

        file = self._saving.folder / SAVED_TRAINING if self._saving and self._saving.every_minutes else None
        if file is None or not file.is_file():
            return {}, {}
        try:
            with safe_open(file, "pt") as opened:
                facts = parse_json((opened.metadata() or {}).get("state", "{}"))
                if facts.get("fingerprint") != self._fingerprint:
                    return {}, {}
                return facts, {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, ValueError):
            return {}, {}


def fingerprint(settings: Mapping[str, Any], first: Batch) -> str:
    """Return what tells one training from another: its settings and the first batch it sees."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(first):
        digest.update(f"{name} {first[name].dtype} {first[name].shape}\n".encode())
        digest.update(first[name].tobytes())
    return digest.hexdigest()


def _learning(model: Any) -> dict[str, Any]:
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def _shapes(tensors: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def _under(tensors: Mapping[str, torch.Tensor], kind: str) -> dict[str, torch.Tensor]:
    return {name.partition("/")[2]: value for name, value in tensors.items() if name.startswith(f"{kind}/")}


def _take(targets: Mapping[str, torch.Tensor], values: Mapping[str, torch.Tensor]) -> None:
    import torch

    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(values[name])


def _random(device: Any) -> dict[str, torch.Tensor]:
    import torch

    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def _set_random(states: Mapping[str, torch.Tensor], device: Any) -> None:
    import torch

    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
