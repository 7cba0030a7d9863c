"""The one training loop: everything that learns differs only in its batches and its loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from xpareto.compress.core import Context, InputError
from xpareto.compress.data import Batch, Batches, labelled, share
from xpareto.compress.training.device import Precision, accelerator_for, pick_precision, recomputing, seeded
from xpareto.compress.training.distributed import Processes, join
from xpareto.compress.training.resume import Saving, StateFile, TrainingState, fingerprint

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[int, int, str], None]
Loss = Callable[[Any, Mapping[str, "Tensor"]], "Tensor"]  # (model, batch) -> scalar

_REPORT_EVERY = 10  # steps between two lines of progress
_CURVE_POINTS = 50
_EMBEDDINGS = ("_embeddings.weight", "_embeddings.lookup.weight")  # of words, positions and types of tokens


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn."""

    steps: int
    learning_rate: float
    warmup: float = 0.06  # share of the steps in which the rate rises linearly from 0
    weight_decay: float = 0.01
    clip: float = 1.0  # greatest norm of the whole gradient; 0 turns clipping off
    precision: Precision = "auto"
    evaluate_every: int = 0  # steps between two dev scores; 0: never
    patience: int = 0  # dev scores without a better one before the end; 0: no early end
    betas: tuple[float, float] = (0.9, 0.999)
    accumulate: int = 1  # micro-batches of a batch that are worked on one after another, to save memory
    gradient_checkpointing: bool = False  # keep few activations and compute them again, to save memory


def schedule_of(settings: Any, **more: Any) -> Schedule:
    """Return the schedule of a step: its fields that are named as the schedule's, and what else is given."""
    schedule_fields = {name: getattr(settings, name) for name in _NAMES if hasattr(settings, name)}
    return Schedule(**schedule_fields | more)


_NAMES = tuple(one.name for one in fields(Schedule))


@dataclass(frozen=True)
class Fitted:
    """What happened. `steps` counts updates made; `best_step` is the one whose weights are kept."""

    steps: int
    best_step: int
    best_score: float | None
    loss_curve: tuple[tuple[int, float], ...]  # (step, mean loss since the point before)
    dev_scores: tuple[tuple[int, float], ...] = field(default=())
    precision: str = "fp32"
    device: str = "cpu"
    tokens: int | None = (
        None  # of all batches, padding aside; None: it went on from a state that did not count
    )

    def notes(self) -> dict[str, Any]:
        """Return the facts as plain data for a manifest."""
        return {
            "steps": self.steps,
            "tokens": self.tokens,
            "best_step": self.best_step,
            "best_dev": self.best_score,
            "loss": [[step, round(loss, 4)] for step, loss in self.loss_curve],
            "dev": [[step, round(score, 4)] for step, score in self.dev_scores],
            "precision": self.precision,
            "device": self.device,
        }


def rate_at(step: int, schedule: Schedule) -> float:
    """Return the learning rate of the 0-based step: linear warm-up, then linear decay towards 0.

    >>> plan = Schedule(steps=10, learning_rate=1.0, warmup=0.2)
    >>> [round(rate_at(step, plan), 3) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.125]
    """
    rising = math.ceil(schedule.warmup * schedule.steps)
    if step < rising:
        return schedule.learning_rate * (step + 1) / rising
    return schedule.learning_rate * (schedule.steps - step) / max(1, schedule.steps - rising)


def fit(
    model: Any,
    batches: Batches,
    loss: Loss,
    schedule: Schedule,
    *,
    seed: int,
    threads: int,
    progress: Progress,
    dev: Callable[[Any], float] | None = None,
    saving: Saving | None = None,
) -> Fitted:
    """Train the model in place for `schedule.steps` updates and return what happened.

    The model ends on the CPU, in evaluation mode, with the weights of its best dev score (of its last
    step where there is no dev). Equal arguments give equal bits on one machine and thread count, also
    when the training was killed and went on from the state that `saving` keeps.
    The process' random state and thread count are left as they were.
    `dev` returns a score of the model where more is better.

    Started in several processes, each takes its rows of every batch, and the result is that of one
    process but for rounding (and for dropout, which hits other units); only the first process scores
    `dev`, saves, and has the best weights at the end. The same holds for `accumulate`.

    What a loss must do for that: be the mean over those entries of the batch's `labels` that are not
    -100, or over rows where every row has equally many of them; see `compress.data.sharding.labelled`.
    """
    import torch

    processes = join()
    precision = pick_precision(schedule.precision, threads, processes)
    with (
        seeded(seed, threads),
        accelerator_for(precision, processes, threads) as accelerator,
        recomputing(model, schedule.gradient_checkpointing),
    ):
        device = accelerator.device
        model.to(device)
        raw = torch.optim.AdamW(
            _groups(model, schedule.weight_decay), lr=schedule.learning_rate, betas=schedule.betas, fused=True
        )
        optimizer = accelerator.prepare(raw)
        learning = [weight for weight in model.parameters() if weight.requires_grad]
        settings = {**asdict(schedule), "precision": precision, "seed": seed}
        file = StateFile(saving, fingerprint(settings, batches.batch(0)) if saving else "")
        state = file.load(model, raw, device, schedule.patience)
        _go_on(state, model, processes, device, seed)
        every = max(1, schedule.steps // _CURVE_POINTS)
        micro_batches = schedule.accumulate * processes.size
        model.train()
        while state.step < schedule.steps and not state.exhausted:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(state.step, schedule)
            whole = batches.batch(state.step)
            if state.tokens is not None:
                state.tokens += tokens_in(whole)
            parts = []
            for number in range(processes.rank, micro_batches, processes.size):
                batch = {
                    name: torch.from_numpy(rows).to(device)
                    for name, rows in share(whole, number, micro_batches).items()
                }
                with accelerator.autocast():
                    value = loss(model, batch)
                if micro_batches > 1:
                    value = value * (labelled(whole, number, micro_batches) / max(1, labelled(whole)))
                accelerator.backward(value)
                parts.append(value.detach())  # no .item() here: it would wait for the device each step
            processes.add_gradients(learning)
            if schedule.clip:
                accelerator.clip_grad_norm_(learning, schedule.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            state.step += 1
            state.waiting.append(torch.stack(parts).sum() if len(parts) > 1 else parts[0])
            if state.step % every == 0 or state.step == schedule.steps:
                _add_point(state, schedule, processes)
            if dev and _is_due(state.step, schedule.evaluate_every, schedule.steps):
                score = 0.0
                if processes.first:
                    model.eval()
                    with torch.inference_mode(), accelerator.autocast():
                        score = dev(model)
                    model.train()
                state.scored(processes.of_first(score, device), model, keep=processes.first)
            if processes.first and file.due():
                file.save(state, model, raw, device)
            if _is_due(state.step, _REPORT_EVERY, schedule.steps):
                progress(state.step, schedule.steps, state.shown)
        state.restore_best(model)
        model.to("cpu")
        model.eval()
    return Fitted(
        steps=state.step,
        best_step=state.best_step or state.step,
        best_score=state.best_score,
        loss_curve=tuple(state.curve),
        dev_scores=tuple(state.dev_scores),
        precision=precision,
        device=device.type,
        tokens=state.tokens,
    )


def tokens_in(batch: Batch) -> int:
    """Return the number of tokens in a batch, padding aside."""
    return int(batch["attention_mask"].sum()) if "attention_mask" in batch else 0


def updates_for(batches: Batches, tokens: int | None) -> int | None:
    """Return how many updates show so many tokens: the first number of batches that has them all; None: None."""
    if tokens is None:
        return None
    seen = number = 0
    while seen < tokens:
        shown = tokens_in(batches.batch(number))
        if not shown:
            raise ValueError("expected batches with an attention_mask that is not all padding")
        seen, number = seen + shown, number + 1
    return number


def fit_step(
    settings: Any,
    model: Any,
    batches: Batches,
    loss: Loss,
    context: Context,
    *,
    examples: int,
    learning_rate: float,
    dev: Callable[[Any], float] | None,
    updates: int | None = None,
) -> Fitted:
    """Train a model in place as a step's fields ask for, where an epoch has so many examples; see `fit`.

    `settings`: a step with the fields of a schedule, and epochs, steps (None: by epochs), batch_size and
    evaluations_per_epoch; with max_steps, it ends after so many updates at the latest. `updates`: so many
    in place of those that the fields ask for.
    """
    per_epoch = math.ceil(examples / settings.batch_size)
    steps = updates or settings.steps or math.ceil(settings.epochs * per_epoch)
    return fit(
        model,
        batches,
        loss,
        schedule_of(
            settings,
            steps=min(steps, getattr(settings, "max_steps", None) or steps),
            learning_rate=learning_rate,
            evaluate_every=max(1, per_epoch // settings.evaluations_per_epoch),
        ),
        seed=context.seed,
        threads=context.threads,
        progress=context.progress,
        dev=dev,
        saving=Saving(context.scratch, context.save_minutes),
    )


def _go_on(state: TrainingState, model: Any, processes: Processes, device: Any, seed: int) -> None:
    """Start all processes from the first one's weights, at the update where it is."""
    import torch

    if processes.size == 1:
        return
    if state.step != processes.of_first(state.step, device):
        raise InputError(
            f"process {processes.rank} of {processes.size} found the training at update {state.step}, the first "
            "process at another one: all of them must see the same store."
        )
    processes.same_start(model)
    if not processes.first:  # it has its own dropout
        torch.manual_seed(
            int(np.random.SeedSequence([seed, processes.rank, state.step]).generate_state(1)[0])
        )


def _add_point(state: TrainingState, schedule: Schedule, processes: Processes) -> None:
    """Add the mean loss since the last point to the curve; InputError where it is not finite."""
    import torch

    mean = float(processes.total(torch.stack(state.waiting).mean()))
    if not math.isfinite(mean):
        raise InputError(
            f"The training loss became {mean} at step {state.step} of {schedule.steps}: expected a "
            "finite number. Lower learning_rate, or set precision: fp32."
        )
    state.curve.append((state.step, mean))
    state.waiting.clear()


def _is_due(step: int, every: int, last: int) -> bool:
    return bool(every) and (step % every == 0 or step == last)


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: decayed matrices, and the rest.

    Norms and biases are not decayed as everywhere; embeddings are not either, because decay would
    shrink the rows of languages that the training data do not show and zero-shot transfer needs.
    """
    decayed: list[Any] = []
    free: list[Any] = []
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            spared = weight.ndim < 2 or name.endswith(_EMBEDDINGS)
            (free if spared else decayed).append(weight)
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
