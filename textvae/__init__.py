"""textvae: latent-variable models of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textvae.inference.style_transfer import StyleTransfer

__all__ = ["StyleTransfer"]


def __getattr__(name: str) -> Any:
    """`textvae.StyleTransfer`, imported when it is first used: torch and transformers take seconds."""
    if name == "StyleTransfer":
        from textvae.inference.style_transfer import StyleTransfer

        return StyleTransfer
    raise AttributeError(f"module 'textvae' has no attribute {name!r}")
