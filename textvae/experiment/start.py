"""Begin a run with what another one has learnt."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from textvae.checkpoint import Checkpoints, new_folder
from textvae.errors import UserError
from textvae.files import atomic_copy
from textvae.training.recipe import Recipe


def take_tokenizer(run: Path, target: Path) -> None:
    """Copy the tokenizer of a run; raises UserError where there is none."""
    if not (run / "tokenizer").exists():
        raise UserError(f"{run} holds no tokenizer: --start wants the directory of another run of this task")
    with new_folder(target) as folder:
        shutil.copytree(run / "tokenizer", folder, dirs_exist_ok=True)


def take_file(run: Path, folder: Path, name: str) -> None:
    """Copy a file of a run; raises UserError where there is none."""
    if not (run / name).exists():
        raise UserError(f"{run} holds no {name}: --start wants the directory of another run of this task")
    atomic_copy(run / name, folder / name)


def begin_with(recipe: Recipe, run: Path, needed: str, say: Callable[[str], None]) -> None:
    """Give the recipe's networks the weights of the run's newest checkpoint; those of other sizes begin afresh.

    Raises UserError where there is no checkpoint, or where the module `needed` has other sizes.
    """
    checkpoint = Checkpoints(run / "checkpoints", warn=say).latest()
    if checkpoint is None:
        raise UserError(f"{run} holds no checkpoint to start from")
    taken = []
    for name, module in recipe.modules.items():
        wanted, saved = module.state_dict(), checkpoint.tensors.get(name, {})
        if {n: t.shape for n, t in wanted.items()} == {n: t.shape for n, t in saved.items()}:
            module.load_state_dict(saved)
            taken.append(name)
    if needed not in taken:
        raise UserError(f"{run}: its {needed} has other sizes than this one; give the same --model and --tokenizer")
    say(f"starts from step {checkpoint.step} of {run}: {', '.join(taken)}")
