from __future__ import annotations

import numpy as np
import pytest
import torch

from xpareto.compress.core.errors import InputError
from xpareto.compress.data.batching import Batch
from xpareto.compress.training import device
from xpareto.compress.training.device import pick_precision
from xpareto.compress.training.distributed import Processes
from xpareto.compress.training.loop import Schedule, fit, rate_at


class Tiny(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.inner(rows)


class Sums:
    """Rows of three numbers and their sums."""

    def batch(self, number: int) -> Batch:
        rows = np.random.default_rng(number).normal(size=(16, 3)).astype(np.float32)
        return {"rows": rows, "labels": rows.sum(1, keepdims=True)}


def squared(model: Tiny, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return ((model(batch["rows"]) - batch["labels"]) ** 2).mean()


def quiet(done: int, total: int, text: str) -> None:
    pass


def test_equal_seeds_give_equal_bits_and_leave_the_process_as_it_was() -> None:
    torch.manual_seed(99)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    models = [Tiny(), Tiny(), Tiny()]
    torch.random.set_rng_state(before)
    for model, seed in zip(models, (1, 1, 2), strict=True):
        fit(model, Sums(), squared, Schedule(20, 0.01), seed=seed, threads=1, progress=quiet)
    weights = [model.inner[0].weight for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_the_loss_falls_and_the_curve_is_recorded() -> None:
    told: list[tuple[int, int, str]] = []
    fitted = fit(
        Tiny(), Sums(), squared, Schedule(200, 0.02), seed=0, threads=1,
        progress=lambda done, total, text: told.append((done, total, text)),
    )  # fmt: skip
    assert fitted.steps == 200
    assert fitted.loss_curve[-1][1] < 0.5 * fitted.loss_curve[0][1]
    assert told[-1][:2] == (200, 200) and "loss" in told[-1][2]


def test_the_best_weights_are_kept_and_training_ends_when_patience_is_out() -> None:
    scores = iter([1.0, 5.0, 2.0, 3.0, 9.0])
    seen: list[torch.Tensor] = []

    def dev(model: Tiny) -> float:
        assert not model.training
        seen.append(model.inner[0].weight.detach().clone())
        return next(scores)

    model = Tiny()
    plan = Schedule(50, 0.01, evaluate_every=10, patience=2)
    fitted = fit(model, Sums(), squared, plan, seed=0, threads=1, progress=quiet, dev=dev)
    assert (fitted.steps, fitted.best_step, fitted.best_score) == (40, 20, 5.0)
    assert torch.equal(model.inner[0].weight, seen[1])


def test_the_rate_rises_to_its_peak_and_falls_towards_zero() -> None:
    plan = Schedule(steps=100, learning_rate=2.0, warmup=0.1)
    rates = [rate_at(step, plan) for step in range(100)]
    assert max(rates) == rates[9] == 2.0
    assert rates[:10] == sorted(rates[:10]) and rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.05


def test_a_loss_that_is_not_finite_names_the_step_and_the_way_out() -> None:
    def broken(model: Tiny, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return squared(model, batch) * float("nan")

    with pytest.raises(InputError, match=r"nan at step 1 of 5.*learning_rate"):
        fit(Tiny(), Sums(), broken, Schedule(5, 0.1), seed=0, threads=1, progress=quiet)


def test_clipping_bounds_the_gradient_that_the_optimizer_sees() -> None:
    free, clipped = Tiny(), Tiny()
    start = free.inner[0].weight.detach().clone()
    plan = {"steps": 1, "learning_rate": 1e-3, "warmup": 0.0, "weight_decay": 0.0}
    # A gradient far below Adam's epsilon moves nothing: clipping must reach the optimizer.
    fit(free, Sums(), squared, Schedule(**plan), seed=0, threads=1, progress=quiet)
    fit(clipped, Sums(), squared, Schedule(**plan, clip=1e-12), seed=0, threads=1, progress=quiet)
    assert (clipped.inner[0].weight - start).abs().max() < 1e-6 < (free.inner[0].weight - start).abs().max()


def test_asking_for_a_precision_gives_it() -> None:
    assert pick_precision("fp32", 1, Processes()) == "fp32"
    assert pick_precision("bf16", 1, Processes()) == "bf16"
    assert pick_precision("auto", 1, Processes()) in ("fp32", "bf16")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU's own answer counts there")
@pytest.mark.parametrize(
    ("able", "gain", "picked"), [(True, 2.0, "bf16"), (True, 0.9, "fp32"), (False, 2.0, "fp32")]
)
def test_bf16_is_taken_where_it_is_seen_to_be_quicker(
    able: bool, gain: float, picked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: able)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    monkeypatch.setattr(device, "bf16_gain", lambda threads: gain)
    assert pick_precision("auto", 1, Processes()) == picked


def test_measuring_a_precision_leaves_threads_and_random_state_as_they_were() -> None:
    before = torch.get_num_threads(), torch.get_rng_state()
    assert device.bf16_gain(1) > 0
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def test_bf16_trains_to_about_the_same_loss() -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        plan = Schedule(100, 0.02, precision=precision)  # type: ignore[arg-type]
        fitted = fit(Tiny(), Sums(), squared, plan, seed=0, threads=1, progress=quiet)
        assert fitted.precision == precision
        losses[precision] = fitted.loss_curve[-1][1]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.3)
