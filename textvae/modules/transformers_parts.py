"""Networks of the transformers library without their word vectors, from a configuration that is plain data.

A part is described by a dictionary: `network`, the transformers configuration of the whole pretrained model, and what
else its reader found out (`textvae.models.pretrained`). It is stored in config.json, so that a saved model is rebuilt
without the folder it came from; only classes of the installed transformers are built, never code of a checkpoint.
The word vectors belong to the model that holds the part, and are handed over as `inputs_embeds`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig
from transformers.utils import logging

from textvae.errors import UserError
from textvae.modules.adapters import add_adapters

Half = Literal["encoder", "decoder"]
Tuning = Literal["frozen", "full", "adapters"]


def network_config(part: dict[str, Any] | None, owner: str) -> PreTrainedConfig:
    """The transformers configuration of a part; UserError where it is missing or of no class that transformers has."""
    if not part or "network" not in part:
        raise UserError(f"{owner}.kind is pretrained, but its network is not described; name it in {owner}.pretrained")
    values = {name: value for name, value in part["network"].items() if name not in ("dtype", "torch_dtype")}
    try:
        return AutoConfig.for_model(values.pop("model_type"), **values)
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{owner}: this version of transformers cannot build its network: {error}") from error


def half_of(network: Any, half: Half) -> Any:
    """The encoder or decoder of an encoder-decoder; a network that is one half is returned as it is."""
    if not network.config.is_encoder_decoder:
        return network
    return network.get_encoder() if half == "encoder" else network.get_decoder()


def build_body(config: PreTrainedConfig, half: Half) -> Any:
    """One half of a network with initial weights and without word vectors, in training mode."""
    body = half_of(AutoModel.from_config(config), half)
    body.set_input_embeddings(nn.Identity())
    if getattr(body, "pooler", None) is not None:  # BERT's, which reads one state for a task we do not have
        body.pooler = None
    return body.train()


class PretrainedPart(nn.Module):
    """A body with its share of training. frozen: no weight of it moves, and its dropout is off; adapters: only they do.

    A frozen body still lets gradients through to what it reads.
    """

    body: Any

    def hold(self, body: nn.Module, tuning: Tuning, rank: int) -> None:
        """Take a body and decide which of its weights move."""
        if tuning != "full":
            body.requires_grad_(False)
        if tuning == "adapters":
            add_adapters(body, rank)
        self.body, self.tuning = body, tuning
        self.train(self.training)

    def train(self, mode: bool = True) -> PretrainedPart:
        super().train(mode)
        if self.tuning == "frozen":
            self.body.eval()
        return self


def freeze_unless_tuned(kind: str, tuning: Tuning, *modules: nn.Module) -> None:
    """Keep what belongs to a pretrained part outside of its body as it is, unless all of the part is tuned."""
    if kind == "pretrained" and tuning != "full":
        for module in modules:
            module.requires_grad_(False)


def attention_mask(present: Tensor, words: int) -> Tensor:
    """(B, R + words) int64: rows (B, R) that are there, then words, which all are."""
    ones = present.new_ones(len(present), words)
    return torch.cat((present, ones), dim=1).long()


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
