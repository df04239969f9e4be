"""textvae: latent-variable models of text."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textvae.extras.compression.compressor import Compressor
    from textvae.extras.detection.detector import Detector
    from textvae.inference.latents.space import LatentSpace
    from textvae.inference.style_transfer import StyleTransfer
    from textvae.inference.summarization import Summarizer

__all__ = ["Compressor", "Detector", "LatentSpace", "StyleTransfer", "Summarizer"]

_HOMES = {
    "Compressor": "textvae.extras.compression.compressor",
    "Detector": "textvae.extras.detection.detector",
    "LatentSpace": "textvae.inference.latents.space",
    "StyleTransfer": "textvae.inference.style_transfer",
    "Summarizer": "textvae.inference.summarization",
}


def __getattr__(name: str) -> Any:
    """`textvae.StyleTransfer` and others, imported when they are first used: torch and transformers take seconds."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'textvae' has no attribute {name!r}")
