"""How a hierarchical VAE is looked at."""

from __future__ import annotations

from dataclasses import dataclass

from textvae.errors import UserError


@dataclass(frozen=True)
class DocumentsConfig:
    """How a hierarchical VAE is looked at. Only numbers of equal settings can be compared."""

    max_documents: int = 300
    """At most so many documents, evenly spaced over the split. Their squared number of pairs is compared."""
    swaps: int = 5
    """Pairs of documents whose z2 are swapped and decoded, as samples."""

    def __post_init__(self) -> None:
        if self.max_documents < 2:
            raise UserError(f"max_documents is {self.max_documents}: verification needs at least two")
        if self.swaps < 0:
            raise UserError(f"swaps is {self.swaps}: it must not be negative")
