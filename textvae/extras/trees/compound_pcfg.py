"""A grammar whose trees are the latent (Kim, Dyer & Rush 2019, arXiv 1906.10225)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from textvae.data.batch import Batch
from textvae.extras.trees.config import CompoundPCFGConfig
from textvae.extras.trees.grammar import GrammarNetwork
from textvae.extras.trees.inside import Rules, best_spans, inside, span_marginals
from textvae.modules.encoders import build_encoder
from textvae.modules.latents import Latent, LatentOutput, build_latent
from textvae.modules.noise import NoiseKey
from textvae.modules.roll_out import without_dropout


@dataclass(frozen=True)
class TreeOutput:
    """Everything the objectives read. nll: (B,) −log p(x | z) over all trees, or −log p(x). latent: None without z."""

    nll: Tensor
    latent: LatentOutput | None


class CompoundPCFG(PreTrainedModel):
    """z ~ p(z), tree ~ grammar(z), x = the words of the tree; trees are summed out exactly by the inside algorithm.

    kind "neural" has no z: −log p(x) itself is computed. A sentence is its words; its end, like everything else, is
    the tree's.
    """

    base_model_prefix = ""
    main_input_name = "input_ids"
    config_class = CompoundPCFGConfig

    def __init__(self, config: CompoundPCFGConfig):
        super().__init__(config)
        grammar, encoder, latent = config.parts()
        silent = (config.pad_token_id, config.bos_token_id, config.eos_token_id, config.mask_token_id)
        self.latent: Latent | None = None
        size = 0
        if config.kind == "compound":
            size = latent.size
            self.embedding = nn.Embedding(config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id)
            self.sentence_encoder = build_encoder(encoder, config.embedding_size)
            classes = len(config.labels or [])
            self.latent = build_latent(latent, self.sentence_encoder.output_size, classes, stream=0)
        self.grammar = GrammarNetwork(grammar, config.vocab_size, size, silent)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Glorot's weights for layers (the paper's choice, sec. 3.2); small normal word vectors; the others' own."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
            with torch.no_grad():
                module.weight[self.config.pad_token_id] = 0.0
        elif isinstance(module, (Latent, GrammarNetwork)):
            module.reset()
        elif isinstance(module, nn.Linear):
            module.reset_parameters()
            nn.init.xavier_uniform_(module.weight)
        elif isinstance(module, (nn.LayerNorm, nn.RNNBase)):
            module.reset_parameters()

    # ------------------------------------------------------------------------------------------ the two latents
    def encode(self, batch: Batch, sample: bool = False) -> LatentOutput:
        """q(z | x) of a batch."""
        assert self.latent is not None, "this grammar has no z"
        encoded = self.sentence_encoder(self.embedding(batch.input_ids), batch.attention_mask)
        states = (encoded.states, batch.attention_mask)
        found: LatentOutput = self.latent(encoded.summary, batch.style, sample, batch.key, states)
        return found

    def rules(self, batch: Batch, z: Tensor | None = None) -> tuple[Rules, Tensor]:
        """The grammar of the sentences of a batch, given z (B, Z) where there is one, and their words (B,)."""
        lengths = (batch.labels >= 0).sum(1) - 1  # without `</s>`
        return self.grammar(batch.labels[:, : int(lengths.max())], lengths, z), lengths

    def nll(self, batch: Batch, z: Tensor | None = None) -> Tensor:
        """−log p(x | z), exact: (B,) nats. In fp32 or more, whatever the networks compute in."""
        rules, lengths = self.rules(batch, z)
        with torch.autocast(lengths.device.type, enabled=False):
            nll = -inside(rules, lengths)
        if rules.log_words.shape[1] == 1:  # single words never branch; data-parallel wrappers wait for those rules
            nll = nll + 0.0 * rules.binary[:, 0, 0, 0].sum()
        return nll

    def trees(self, batch: Batch) -> list[set[tuple[int, int]]]:
        """The spans (i, j) of each sentence's tree of least expected error, at the mean of q(z | x)."""
        with torch.no_grad(), without_dropout(self):
            z = None if self.latent is None else self.encode(replace(batch, key=None)).mean
            rules, lengths = self.rules(batch, z)
        return best_spans(span_marginals(rules, lengths), lengths)

    def sample_prior(self, n: int, label: int = 0, key: NoiseKey | None = None) -> Tensor | None:
        """n draws (n, Z) from p(z | label); None without z."""
        if self.latent is None:
            return None
        return self.latent.sample_prior(torch.full((n,), label, device=self.device), key)

    # ------------------------------------------------------------------------------------------ training
    def forward(self, batch: Batch, sample: bool = True, **_: Any) -> TreeOutput:
        """The training terms; `sample=False` reads z at its mean."""
        latent = None if self.latent is None else self.encode(batch, sample)
        return TreeOutput(self.nll(batch, None if latent is None else latent.value), latent)


AutoConfig.register(CompoundPCFGConfig.model_type, CompoundPCFGConfig)
AutoModel.register(CompoundPCFGConfig, CompoundPCFG)
