"""The one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor

from textvae.checkpoint import Checkpoint, Checkpoints, Tensors, flatten_optimizer, unflatten_optimizer
from textvae.errors import UserError
from textvae.modules.noise import mix
from textvae.training.config import TrainingConfig
from textvae.training.optimizers import rate_factor, set_rate
from textvae.training.progress import Reporter, SilentReporter
from textvae.training.recipe import Recipe, TrainingBatch, TrainingLoader
from textvae.training.signals import StopRequest
from textvae.training.step import Stepper, Totals

Validate = Callable[[int], dict[str, float]]


class TrainingDiverged(ArithmeticError):
    """A loss term became NaN or infinite. Checkpoints hold the last finite state."""


@dataclass
class Progressed:
    """How far a training is: all that a resumed run needs beside weights and optimizers."""

    step: int = 0
    epoch: int = 0
    step_in_epoch: int = 0
    best_score: float | None = None
    best_step: int = 0
    evaluations_since_best: int = 0
    tokens: int = 0
    seconds: float = 0.0


@dataclass
class Result:
    """How a training ended: `finished`, `patience` or `signal`; signal is its number."""

    reason: str
    progress: Progressed
    signal: int | None = None


@dataclass
class Trainer:
    """Trains a recipe over accelerate, one process or many.

    validate(step) → metrics on dev, of which `dev/score` chooses the best model; called on every process, used on the
    main one. save_best(step, metrics) writes the model that users load. loader yields this process's share of batches.
    """

    accelerator: Accelerator
    recipe: Recipe
    loader: TrainingLoader
    config: TrainingConfig
    checkpoints: Checkpoints
    validate: Validate | None = None
    save_best: Callable[[int, dict[str, float]], None] = lambda step, metrics: None
    reporter: Reporter = field(default_factory=SilentReporter)
    progress: Progressed = field(default_factory=Progressed)

    def __post_init__(self) -> None:
        modules = self.recipe.modules
        optimizers = self.recipe.optimizers(self.config)
        self.peak_rates = {name: o.param_groups[0]["lr"] for name, o in optimizers.items()}
        wrapped = {name: self.accelerator.prepare(module) for name, module in modules.items()}
        self.optimizers = {name: self.accelerator.prepare(o) for name, o in optimizers.items()}
        self.stepper = Stepper(self.accelerator, self.recipe, wrapped, self.optimizers, self.config.clip_norm)
        self.total_steps = self.config.steps(self.loader.steps_per_epoch, self.recipe.steps)

    # ------------------------------------------------------------------------------------------ the loop
    def fit(self) -> Result:
        """Train until the last step, patience or a signal. Leaves a checkpoint in every case but a NaN."""
        progress, window = self.progress, Window(self.accelerator)
        with StopRequest() as stop:
            while progress.step < self.total_steps:
                for batch in self.loader.epoch(progress.epoch, first=progress.step_in_epoch):
                    if progress.step >= self.total_steps:
                        break
                    # One step: noise, totals, rates, phases, logs.
                    torch.manual_seed(mix(self.config.seed, progress.step, self.accelerator.process_index))
                    totals, signalled = self.global_totals(batch, stop.received)
                    self.set_rates(progress.step)
                    weights = self.recipe.weights(progress.step)
                    logs = self.stepper.step(self.micro_batches(batch), weights, totals, progress.step)
                    progress.step += 1
                    progress.step_in_epoch += 1
                    progress.tokens += totals.tokens
                    window.add(logs, totals, progress.step)

                    if progress.step % self.config.log_every == 0 or progress.step == self.total_steps:
                        self.log(window, weights)
                    if self.evaluation_due() and self.evaluate(window):
                        return self.end("patience", window)
                    if signalled:
                        return self.end("signal", window, signalled)
                    if progress.step % self.config.checkpoint_every == 0:
                        self.save(window)
                if progress.step >= self.total_steps:
                    break
                progress.epoch, progress.step_in_epoch = progress.epoch + 1, 0
                if self.config.evaluate_every is None and self.evaluate(window):
                    return self.end("patience", window)
                self.save(window)
        if self.config.evaluate_every is None or progress.step % self.config.evaluate_every:
            self.evaluate(window)
        return self.end("finished", window)

    def micro_batches(self, batch: TrainingBatch) -> list[TrainingBatch]:
        """The process's rows in `accumulation` nearly equal parts (fewer where the batch is smaller)."""
        bounds = batch.cuts(self.config.accumulation)
        parts = [batch.rows(a, b) for a, b in zip(bounds, bounds[1:], strict=False)]
        return [part.to(self.accelerator.device) for part in parts]

    def global_totals(self, batch: TrainingBatch, received: int | None) -> tuple[Totals, int]:
        """Sentences and tokens over all processes, and a signal if any process got one: one reduction of three."""
        counts = torch.tensor([len(batch), batch.num_tokens, received or 0], device=self.accelerator.device)
        if self.accelerator.num_processes > 1:
            gathered = self.accelerator.gather(counts[None])
            counts = torch.cat((gathered[:, :2].sum(0), gathered[:, 2:].amax(0)))
        sentences, tokens, signalled = counts.tolist()
        return Totals(sentences, tokens), signalled

    def set_rates(self, step: int) -> None:
        """Learning rates of this step."""
        factor = rate_factor(step, self.total_steps, self.config)
        for phase in self.recipe.phases_at(step):
            set_rate(self.optimizers[phase.moves], self.peak_rates[phase.moves] * factor * phase.rate)

    def evaluation_due(self) -> bool:
        """In mid-epoch, by `evaluate_every`."""
        every = self.config.evaluate_every
        return every is not None and self.progress.step % every == 0

    # ------------------------------------------------------------------------------------------ what surrounds a step
    def log(self, window: Window, weights: dict[str, float]) -> None:
        """Average the window over steps and processes, look for NaN, tell trackers and reporter."""
        values = window.means()
        self.check_finite(values, window)
        values = {f"train/{name}": value for name, value in values.items()}
        terms = {name.rsplit("/", 1)[1] for name in values}
        values |= {f"train/lambda/{name}": value for name, value in weights.items() if name in terms}
        values["train/learning_rate"] = next(iter(self.optimizers.values())).param_groups[0]["lr"]
        values |= window.rates()
        self.progress.seconds += window.seconds()
        self.accelerator.log(values, step=self.progress.step)
        self.reporter.step(self.progress.step, self.total_steps, values)
        window.reset()

    def check_finite(self, values: dict[str, float], window: Window) -> None:
        """Stop at the first term that is not finite, naming it and its step."""
        bad = window.first_bad()
        if bad:
            name, step = bad
            raise TrainingDiverged(
                f"{name} became {values[name]} at step {step}. Nothing after the last checkpoint was saved; "
                "lower training.learning_rate, or the weight of that term, and continue with --resume"
            )

    def evaluate(self, window: Window) -> bool:
        """Score on dev; keep the model if it is the best so far. True when patience is over."""
        if self.validate is None:
            return False
        window.pause()
        self.check_finite(window.means(), window)
        modules = self.recipe.modules.values()
        for module in modules:
            module.eval()
        metrics = self.validate(self.progress.step)
        for module in modules:
            module.train()
        self.accelerator.log(metrics, step=self.progress.step)
        score, progress = self.agreed(metrics["dev/score"]), self.progress
        if math.isfinite(score) and (progress.best_score is None or score > progress.best_score):
            progress.best_score, progress.best_step, progress.evaluations_since_best = score, progress.step, 0
            if self.accelerator.is_main_process:
                self.save_best(progress.step, metrics)
        else:
            progress.evaluations_since_best += 1
        self.accelerator.wait_for_everyone()
        window.resume()
        patience = self.config.patience
        return patience is not None and progress.evaluations_since_best >= patience

    def agreed(self, score: float) -> float:
        """The main process's score on every process: all must stop at the same evaluation."""
        if self.accelerator.num_processes == 1:
            return score
        shared = torch.tensor(score, dtype=torch.float64, device=self.accelerator.device)
        return float(broadcast(shared))

    def end(self, reason: str, window: Window, signal: int | None = None) -> Result:
        """Last checkpoint."""
        self.save(window)
        return Result(reason, self.progress, signal)

    # ------------------------------------------------------------------------------------------ checkpoints
    def save(self, window: Window) -> None:
        """Write a checkpoint from the main process, after making sure that it is finite."""
        window.pause()
        self.check_finite(window.means(), window)
        if self.accelerator.is_main_process:
            self.checkpoints.save(self.snapshot())
        self.accelerator.wait_for_everyone()
        window.resume()

    def snapshot(self) -> Checkpoint:
        """Weights, optimizer states and progress. Nothing else: all randomness is a function of seed and step."""
        tensors: dict[str, dict[str, Tensor]] = {}
        groups: dict[str, Any] = {}
        for name, module in self.recipe.modules.items():
            tensors[name] = module.state_dict()
            slots, groups[name] = flatten_optimizer(self.optimizers[name].state_dict())
            tensors[f"{name}.optimizer"] = slots
        state: dict[str, Any] = {"progress": vars(self.progress).copy(), "groups": groups}
        if self.accelerator.scaler is not None:
            state["scaler"] = self.accelerator.scaler.state_dict()
        return Checkpoint(self.progress.step, tensors, state)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint, bit for bit. UserError, before anything is changed, where it does not fit."""
        self.check_fits(checkpoint)
        for name, module in self.recipe.modules.items():
            module.load_state_dict(checkpoint.tensors[name])
            slots = checkpoint.tensors.get(f"{name}.optimizer", {})
            self.optimizers[name].load_state_dict(unflatten_optimizer(slots, checkpoint.state["groups"][name]))
        self.progress = Progressed(**checkpoint.state["progress"])
        if self.accelerator.scaler is not None and "scaler" in checkpoint.state:
            self.accelerator.scaler.load_state_dict(checkpoint.state["scaler"])

    def check_fits(self, checkpoint: Checkpoint) -> None:
        """Raise UserError unless every tensor of the checkpoint has its place in the networks and optimizers."""
        found: list[str] = []
        for name, module in self.recipe.modules.items():
            slots = checkpoint.tensors.get(f"{name}.optimizer", {})
            found += misfits(name, checkpoint.tensors.get(name, {}), module.state_dict())
            found += slot_misfits(name, slots, checkpoint.state["groups"][name], self.optimizers[name])
        if found:
            more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
            raise UserError(
                f"{self.checkpoints.folder}: the checkpoint of step {checkpoint.step} does not fit the model: "
                f"{'; '.join(found[:3])}{more}. Resume with the same --model options that the run began with, or "
                "start a new one with another --run"
            )


def misfits(owner: str, saved: Tensors, wanted: Mapping[str, Tensor]) -> list[str]:
    """How the saved tensors of one owner differ from those it has now, in names and shapes."""
    found = []
    for name in {**wanted, **saved}:
        if name not in saved:
            found.append(f"{owner}/{name} is not in the checkpoint")
        elif name not in wanted:
            found.append(f"{owner}/{name} is in the checkpoint only")
        elif saved[name].shape != wanted[name].shape:
            shapes = f"{tuple(saved[name].shape)} in the checkpoint, {tuple(wanted[name].shape)} in the model"
            found.append(f"{owner}/{name} is {shapes}")
    return found


def slot_misfits(
    owner: str, slots: Tensors, groups: list[dict[str, Any]], optimizer: torch.optim.Optimizer
) -> list[str]:
    """The same for an optimizer's state, whose tensors have their parameter's shape (step counters have none)."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    count = sum(len(group["params"]) for group in groups)
    if count != len(parameters):
        return [f"the optimizer of {owner} moves {count} tensors in the checkpoint, {len(parameters)} in the model"]
    shaped = {name: slot for name, slot in slots.items() if slot.dim()}
    return misfits(f"{owner}.optimizer", shaped, {name: parameters[int(name.split(".", 1)[0])] for name in shaped})


class Window:
    """Sums of the logs since the last log line; the numbers stay on the device until they are read."""

    def __init__(self, accelerator: Accelerator):
        self.accelerator = accelerator
        self.reset()

    def reset(self) -> None:
        """Start over."""
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.bad: dict[str, Tensor] = {}
        self.steps = self.tokens = self.sentences = 0
        self.started, self.paused = time.perf_counter(), 0.0

    def add(self, logs: dict[str, Tensor], totals: Totals, step: int) -> None:
        """Add one step, remembering the first step at which a value was not finite (without a synchronisation)."""
        for name, value in logs.items():
            value = value.double()
            self.counts[name] = self.counts.get(name, 0) + 1
            finite = value.isfinite()
            if name not in self.sums:
                self.sums[name] = value
                self.bad[name] = torch.where(finite, -1, step)
            else:
                self.sums[name] = self.sums[name] + value
                self.bad[name] = torch.where((self.bad[name] < 0) & ~finite, step, self.bad[name])
        self.steps += 1
        self.tokens += totals.tokens
        self.sentences += totals.sentences

    def means(self) -> dict[str, float]:
        """Means over the steps that had the value, since a phase may begin or end inside a window.

        Terms are shares of a global mean, so processes are summed; norms are already global.
        """
        if not self.steps:
            return {}
        sums = torch.stack(list(self.sums.values()))
        stacked = sums / torch.tensor(list(self.counts.values()), device=sums.device)
        if self.accelerator.num_processes > 1:
            everyone = self.accelerator.gather(stacked[None])
            stacked = torch.where(
                torch.tensor([n.endswith("grad_norm") for n in self.sums], device=stacked.device),
                everyone.mean(0),
                everyone.sum(0),
            )
        return dict(zip(self.sums, stacked.tolist(), strict=True))

    def first_bad(self) -> tuple[str, int] | None:
        """Name and step of the earliest value that was not finite; J terms before the sums they enter."""
        if not self.bad:
            return None
        stacked = torch.stack(list(self.bad.values()))
        if self.accelerator.num_processes > 1:
            stacked = self.accelerator.gather(stacked[None]).amax(0)
        steps = {n: s for n, s in zip(self.bad, stacked.tolist(), strict=True) if s >= 0}
        if self.accelerator.scaler is not None:  # it skips such steps and lowers its scale
            steps = {n: s for n, s in steps.items() if not n.endswith("grad_norm")}
        if not steps:
            return None
        name = min(steps, key=lambda n: (steps[n], "/J_" not in n))
        return name, steps[name]

    def seconds(self) -> float:
        """Training time of the window, evaluation and checkpoints left out."""
        return time.perf_counter() - self.started - self.paused

    def rates(self) -> dict[str, float]:
        """Global throughput."""
        seconds = max(self.seconds(), 1e-9)
        return {
            "train/tokens_per_second": self.tokens / seconds,
            "train/sentences_per_second": self.sentences / seconds,
        }

    def pause(self) -> None:
        """Something other than training begins."""
        self.pause_began = time.perf_counter()

    def resume(self) -> None:
        """Training goes on."""
        self.paused += time.perf_counter() - self.pause_began
