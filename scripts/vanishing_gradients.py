"""What a critic that has become good still teaches a generator: the classic GAN's loss against WGAN-GP.

    python train.py --config configs/toy/news.yaml --run runs/news-60 --stages '[{name: denoise, steps: 60}]'
    python scripts/vanishing_gradients.py runs/news-60 --rate 0 --critic-rate 0.003 --steps 60 --every 10

Begin with a generator that a critic can beat: against a well trained one neither critic gets sure of itself.

Trains the adversarial phases of a summarizer's run on, twice from the same networks, on the same batches: a new critic,
and the generator by J_gen alone. `saturating` is Goodfellow et al. 2014, eq. 1: D = σ(score), J_gen = log(1 − D(x̃)),
whose slope on the score, −D(x̃), goes to 0 where the critic knows every fake. `wasserstein` is Gulrajani et al. 2017,
eq. 3: no sigmoid, and J_gp keeps the critic's slope near 1, which the classic GAN does not have. Prints for every
`--every` steps the critic's accuracy (pairs of a human and a generated text of which the human one scores higher, in
percent) and the norm of the generator's gradient from J_gen, the mean over those steps.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from textvae.checkpoint import Checkpoints
from textvae.config import load_config
from textvae.config.summarization import SummarizationConfig
from textvae.data.unpaired.batch import UnpairedBatch
from textvae.errors import UserError
from textvae.experiment.machine import commit, make_accelerator, processor
from textvae.experiment.summarization import assemble, prepare
from textvae.files import write_json
from textvae.objectives.config import GeneratorLossName
from textvae.tokenization.config import SPECIAL
from textvae.training.config import AdversarialConfig, StageConfig
from textvae.training.optimizers import set_rate
from textvae.training.progress import SilentReporter
from textvae.training.recipe import Phase, Recipe
from textvae.training.seq2seq2seq import Seq2Seq2SeqRecipe
from textvae.training.step import Stepper, Totals

LOSSES: dict[GeneratorLossName, float] = {"saturating": 0.0, "wasserstein": 10.0}
"""Loss of generator and critic → weight of its gradient penalty, as in the papers."""


@dataclass(frozen=True)
class Row:
    """step: the last one of this row. accuracy: the critic's then, percent. gradient: norm of the generator's gradient
    from J_gen, and J_gen itself: means over the row's steps."""

    step: int
    accuracy: float
    gradient: float
    J_gen: float


class Adversaries(Recipe):
    """A summarizer's critic and generator alone, the generator by J_gen alone."""

    def __init__(self, recipe: Seq2Seq2SeqRecipe, stage: StageConfig):
        self.recipe, self.modules, self.objectives = recipe, recipe.modules, recipe.objectives
        self.phases = recipe.phase("critic", stage), replace(recipe.phase("generator", stage), terms=("J_gen",))

    def weights(self, step: int) -> dict[str, float]:
        return self.recipe.weights(step)

    def run(self, phase: Phase, wrapped: dict[str, nn.Module], batch: Any, previous: Any) -> Any:
        return self.recipe.run(phase, wrapped, batch, previous)


def main(argv: list[str]) -> int:
    """Train twice, print, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run directory of a summarizer; its newest checkpoint is the start")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--every", type=int, default=20, help="steps in a row of the table")
    parser.add_argument("--critic-rate", type=float, default=1e-3, help="learning rate of the critic")
    parser.add_argument(
        "--rate", type=float, default=0.1, help="factor on the generator's learning rate; 0: held still"
    )
    parser.add_argument("--cache", help="folder of prepared data (default: that of the run)")
    parser.add_argument("--seed", type=int, default=0, help="of the critic and of the order of the data")
    parser.add_argument("--json", type=Path, help="file for the numbers")
    args = parser.parse_args(argv)
    tables = {loss: train(args, loss) for loss in LOSSES}
    print(as_text(tables))
    if args.json:
        found = {"command": " ".join(["vanishing_gradients.py", *argv]), "commit": commit(), "processor": processor()}
        rows = {loss: [vars(row) for row in table] for loss, table in tables.items()}
        write_json(args.json, {**found, "seed": args.seed, "tables": rows})
    return 0


def train(args: argparse.Namespace, loss: GeneratorLossName) -> list[Row]:
    """The rows of one loss."""
    config = settings(args, loss)
    accelerator = make_accelerator(config)
    recipe, batches = start(config, args.run, accelerator)
    optimizers = recipe.optimizers(config.training)
    set_rate(optimizers["generator"], args.rate * config.training.learning_rate)
    gan = Adversaries(recipe, StageConfig("adversarial"))
    stepper = Stepper(accelerator, gan, gan.modules, optimizers, config.training.clip_norm)
    rows, window = [], []
    for step in range(args.steps):
        batch = next(batches)
        logs = stepper.step([batch], recipe.weights(step), Totals(len(batch), batch.num_tokens), step)
        window.append((float(logs["generator/grad_norm"]), float(logs["generator/J_gen"])))
        if (step + 1) % args.every == 0:
            gradient, value = (statistics.mean(column) for column in zip(*window, strict=True))
            rows.append(Row(step + 1, accuracy(recipe, batch), gradient, value))
            window = []
    return rows


def settings(args: argparse.Namespace, loss: GeneratorLossName) -> SummarizationConfig:
    """The run's configuration with the adversarial options of this script."""
    config = load_config(args.run / "config.yaml")
    if not isinstance(config, SummarizationConfig):
        raise UserError(f"{args.run} is no run of a summarizer")
    critic = replace(config.adversarial.critic, kind="residual")
    config.adversarial = AdversarialConfig(loss=loss, critic=critic, critic_learning_rate=args.critic_rate)
    config.objectives.J_critic.weight, config.objectives.J_gp.weight = 1.0, LOSSES[loss]
    config.objectives.J_gen.weight = 1.0
    config.training = replace(config.training, seed=args.seed, trackers=())
    config.start, config.run, config.cache = None, str(args.run), args.cache or config.cache
    return config


def start(
    config: SummarizationConfig, run: Path, accelerator: Accelerator
) -> tuple[Seq2Seq2SeqRecipe, Iterator[UnpairedBatch]]:
    """The recipe with the run's networks and a new critic, and batches without end."""
    assembled = assemble(config, prepare(config, run), accelerator, SilentReporter())
    checkpoint = Checkpoints(run / "checkpoints").latest()
    if checkpoint is None:
        raise UserError(f"{run} holds no checkpoint")
    recipe = assembled.recipe
    assert isinstance(recipe, Seq2Seq2SeqRecipe)
    for name in ("generator", "reconstructor", "language_model"):
        recipe.modules[name].load_state_dict(checkpoint.tensors[name])
    for module in recipe.modules.values():
        module.to(accelerator.device).train()

    def batches() -> Iterator[UnpairedBatch]:
        epoch = 0
        while True:
            yield from (batch.to(accelerator.device) for batch in assembled.loader.epoch(epoch))
            epoch += 1

    return recipe, batches()


@torch.no_grad()
def accuracy(recipe: Seq2Seq2SeqRecipe, batch: UnpairedBatch) -> float:
    """Percent of all pairs of a human and a generated text of which the critic scores the human one higher."""
    summary, fake = recipe.shown(batch)

    def scores(texts: Tensor, mask: Tensor) -> Tensor:
        return recipe.critic.score(recipe.critic.embed(texts), mask)

    human, written = scores(batch.texts.ids, batch.texts.mask), scores(fake, summary != SPECIAL.pad)
    return 100 * float((human[:, None] > written).float().mean())


def as_text(tables: dict[GeneratorLossName, list[Row]]) -> str:
    """A Markdown table of both losses, a step a row."""
    head = [f"{name}: {column}" for name in tables for column in ("critic right %", "gradient norm")]
    lines = ["| step | " + " | ".join(head) + " |", "| --- " * (len(head) + 1) + "|"]
    for rows in zip(*tables.values(), strict=True):
        cells = [cell for row in rows for cell in (f"{row.accuracy:.0f}", f"{row.gradient:.2g}")]
        lines.append(f"| {rows[0].step} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
