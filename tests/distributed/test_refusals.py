"""Launchers that cannot wrap two modules are refused before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from accelerate import DistributedType

from textvae.config.style_transfer import ExperimentConfig
from textvae.errors import UserError
from textvae.experiment import machine


class Launched:
    """An accelerator of another launcher."""

    def __init__(self, kind: DistributedType):
        self.distributed_type = kind


def launched(monkeypatch: pytest.MonkeyPatch, kind: DistributedType) -> None:
    def make(*_: Any, **__: Any) -> Launched:
        return Launched(kind)

    monkeypatch.setattr(machine, "Accelerator", make)
    monkeypatch.setattr(machine, "keep_memory", lambda: False)


@pytest.mark.parametrize("kind", [DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM])
def test_sharded_training_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: DistributedType
) -> None:
    launched(monkeypatch, kind)
    with pytest.raises(UserError, match=kind.value):
        machine.make_accelerator(ExperimentConfig(run=str(tmp_path)))


@pytest.mark.parametrize("kind", [DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU])
def test_data_parallel_training_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: DistributedType) -> None:
    launched(monkeypatch, kind)
    assert machine.make_accelerator(ExperimentConfig(run=str(tmp_path))).distributed_type == kind


def test_fp16_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="fp16"):
        machine.choose_precision("fp16")
