"""What the saved configurations of all models have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import PreTrainedConfig
from transformers.utils import logging

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
    base_digest: str | None = None
    """Of the pretrained weights that the model needs and its folder leaves out (`models.pretrained.load_weights`)."""


def known(cls: type, values: dict[str, Any], where: str) -> Any:
    """`cls(**values)`; UserError for keys that it does not know."""
    unknown = set(values) - set(cls.__dataclass_fields__)  # type: ignore[attr-defined]
    if unknown:
        raise UserError(f"{where}: unknown keys {sorted(unknown)}; known: {sorted(cls.__dataclass_fields__)}")  # type: ignore[attr-defined]
    return cls(**values)


@contextmanager
def silent() -> Iterator[None]:
    """No progress bar and no report of transformers in the middle of people's pipes; what is wrong we tell."""
    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
