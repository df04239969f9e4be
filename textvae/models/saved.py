"""What the saved configurations of all models have in common."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig

from textvae.errors import UserError


class SavedConfig(PreTrainedConfig):
    """`config.json` beside the weights: all that rebuilds the networks. The special tokens are those of every tokenizer
    of ours (`textvae.tokenization.config.SPECIAL`).
    """

    vocab_size: int = 10000
    pad_token_id: int = 0
    bos_token_id: int = 1
    eos_token_id: int = 2
    unk_token_id: int = 3
    mask_token_id: int = 4


def known(cls: type, values: dict[str, Any], where: str) -> Any:
    """`cls(**values)`; UserError for keys that it does not know."""
    unknown = set(values) - set(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    if unknown:
        raise UserError(f"{where}: unknown keys {sorted(unknown)}; known: {sorted(cls.__dataclass_fields__)}")  # type: ignore[attr-defined]
    return cls(**values)
