"""Which floating-point format to compute in."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "fp32", "bf16"]


def computes_bf16(device: torch.device) -> bool:
    """Whether the processor has bf16 products; where it only emulates them they cost more than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return device.type == "cpu" and any(getattr(torch.cpu, name, bool)() for name in checks)


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context to compute in; weights are cast once per context, not once per step."""
    low = precision == "bf16" or (precision == "auto" and computes_bf16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=low)
