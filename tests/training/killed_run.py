"""Trains one tiny run in child processes that are killed again and again, in the middle of steps and of checkpoints.

python -m tests.training.killed_run FOLDER KILLS SEED prints one JSON object: how each child died, what its last
finished checkpoint was, what was found after it, and whether the run ended with the weights of an uninterrupted one.

The children are forked, so that a kill costs milliseconds and not the import of torch.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tests.laws import tiny_trainer, weights_of
from textvae.checkpoint import Checkpoint, Checkpoints
from textvae.data.noise import NoiseConfig
from textvae.training.trainer import Trainer


def build(folder: Path, seed: int = 0) -> Trainer:
    """A checkpoint after every step; dropout and noise on."""
    return tiny_trainer(
        folder,
        corpus_size=51,
        epochs=9,
        checkpoint_every=1,
        noise=NoiseConfig(drop=0.2, shuffle=2),
        networks={"dropout": 0.2, "dtype": torch.float32, "seed": seed},
    )


def resume(trainer: Trainer) -> int:
    """Restore the newest intact checkpoint; its step, 0 without one."""
    checkpoint = trainer.checkpoints.latest()
    if checkpoint is not None:
        trainer.restore(checkpoint)
    return trainer.progress.step


def child(folder: Path, pipe: int, seed: int) -> None:
    """Go on with the run, telling the parent after every checkpoint."""
    trainer = build(folder, seed)
    resume(trainer)
    save = trainer.checkpoints.save

    def told(checkpoint: Checkpoint) -> Path:
        path = save(checkpoint)
        os.write(pipe, f"{checkpoint.step}\n".encode())
        return path

    trainer.checkpoints.save = told  # type: ignore[method-assign]
    trainer.fit()


def being_written(folder: Path) -> bool:
    """Whether a checkpoint is half written at this moment."""
    return any(name.startswith(".step_") for name in os.listdir(folder)) if folder.exists() else False


def kill_one(folder: Path, rng: random.Random, number: int) -> dict[str, Any]:
    """Fork a child, kill it while it writes (every second time) or at a random moment, and look at what is left."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            child(folder, writer, seed=number)
        finally:
            os._exit(0)
    os.close(writer)
    saved: list[int] = []
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        for _ in range(rng.randint(1, 3)):
            saved += [int(x) for x in pipe.read(4096).split()]
        if number % 2:
            deadline = time.monotonic() + 20
            while not being_written(folder) and time.monotonic() < deadline:
                pass
            time.sleep(rng.uniform(0, 0.003))
        else:
            time.sleep(rng.uniform(0, 0.04))
        os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        while rest := pipe.read(4096):
            saved += [int(x) for x in rest.split()]
    half = being_written(folder)
    warnings: list[str] = []
    found = Checkpoints(folder, 2, warnings.append).latest()
    return {
        "status": status,
        "saved": max(saved, default=0),
        "half_written": half,
        "found": found.step if found else 0,
        "warnings": warnings,
    }


def main(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill that often, then let the run end and compare it with an uninterrupted one."""
    rng = random.Random(seed)
    deaths = [kill_one(folder / "run", rng, number) for number in range(kills)]
    last = build(folder / "run", seed=99)
    begun = resume(last)
    last.fit()
    whole = build(folder / "whole")
    whole.fit()
    expected, found = weights_of(whole), weights_of(last)
    return {
        "deaths": deaths,
        "resumed_at": begun,
        "steps": last.progress.step,
        "total": whole.progress.step,
        "different": [name for name in expected if not torch.equal(expected[name], found[name])],
        "left": sorted(path.name for path in (folder / "run").iterdir()),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
