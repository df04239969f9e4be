"""accelerate, precision, and what a reader must know of the machine to repeat a run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedType
from transformers.utils import logging as transformers_logging

from textvae.allocator import keep_memory
from textvae.config import RunConfig
from textvae.errors import UserError
from textvae.training.tracking import JsonlTracker


def make_accelerator(config: RunConfig) -> Accelerator:
    """accelerate as the launcher configured it, with our precision and trackers."""
    keep_memory()
    transformers_logging.disable_progress_bar()
    trackers: list[Any] = []
    if "jsonl" in config.training.trackers:
        trackers.append(JsonlTracker(Path(config.run) / "metrics.jsonl"))
    if "tensorboard" in config.training.trackers:
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise UserError("tensorboard is not installed: pip install 'textvae[track]'") from error
        trackers.append("tensorboard")
    accelerator = Accelerator(
        mixed_precision=choose_precision(config.training.precision), log_with=trackers or None, project_dir=config.run
    )
    allowed = (DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU)
    if accelerator.distributed_type not in allowed:
        raise UserError(
            f"adversarial recipes train two modules with two optimizers, which {accelerator.distributed_type.value} "
            "cannot wrap; launch with plain data parallelism (accelerate config: no FSDP, no DeepSpeed)"
        )
    return accelerator


def choose_precision(wanted: str) -> str:
    """accelerate's name of the precision; `auto` is bf16 where the device multiplies bf16 natively."""
    on_gpu = torch.cuda.is_available() and os.environ.get("ACCELERATE_USE_CPU", "").lower() not in ("1", "true")
    if wanted == "fp16" and not on_gpu:
        raise UserError("training.precision fp16 needs a GPU; on a CPU use bf16 or fp32")
    if wanted == "auto":
        native = torch.cuda.is_bf16_supported() if on_gpu else torch.cpu._is_avx512_bf16_supported()
        wanted = "bf16" if native else "fp32"
    return {"fp32": "no"}.get(wanted, wanted)


def environment(accelerator: Accelerator) -> dict[str, Any]:
    """Versions, machine and commit: what a reader needs to repeat the run."""
    packages = ("textvae", "torch", "transformers", "accelerate", "datasets", "tokenizers", "numpy")
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": commit(),
        "packages": found,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": str(accelerator.device),
        "gpu": torch.cuda.get_device_name() if accelerator.device.type == "cuda" else None,
        "num_processes": accelerator.num_processes,
        "mixed_precision": accelerator.mixed_precision,
    }


def commit() -> str | None:
    """Commit of the source tree, with `+` if it has uncommitted changes; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--abbrev=12", "--dirty=+"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip()


def processor() -> str:
    """Model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
