"""The sentence autoencoder: encoder, one latent space of any kind, decoder (Bowman et al. 2016, arXiv 1511.06349)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, GenerationMixin
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from textvae.data.batch import Batch
from textvae.models.sentence_configuration import SentenceVAEConfig
from textvae.models.sentence_model import SentenceModel, freeze_unless_tuned
from textvae.modules.decoders import build_decoder
from textvae.modules.latents import LatentOutput, build_latent
from textvae.modules.noise import NoiseKey
from textvae.modules.output import OUTPUTS


@dataclass(frozen=True)
class SentenceOutput:
    """Everything the objectives read, unreduced.

    token_nll: (B, L) −log p(token), 0 at padding. latent: the space. bag_logits: (B, V) from z alone, where the model
    has that layer.
    """

    token_nll: Tensor
    latent: LatentOutput
    bag_logits: Tensor | None = None


class SentenceVAE(SentenceModel, GenerationMixin):  # type: ignore[misc]
    """Sentence → h → z → sentence.

    z: (B, Z), Z = `model.latent.size`; the decoder reads it as a memory (B, 1, Z), at every step.
    """

    config_class = SentenceVAEConfig

    def __init__(self, config: SentenceVAEConfig):
        super().__init__(config)
        encoder, decoder, latent = config.parts()
        self.num_classes = len(config.labels or [])
        self.add_reader(encoder)
        self.latent = build_latent(latent, self.sentence_encoder.output_size, self.num_classes, stream=0)
        self.decoder = build_decoder(decoder, self.target_embedding.embedding_dim, latent.size)
        self.output = OUTPUTS[config.output](self.decoder.output_size, config.vocab_size)
        self.bag_head = nn.Linear(latent.size, config.vocab_size) if config.bag_of_words else None
        freeze_unless_tuned(encoder.kind, encoder.tuning, self.embedding)
        freeze_unless_tuned(decoder.kind, decoder.tuning, self.target_embedding, self.output)
        self.find_base()
        self.post_init()

    # ------------------------------------------------------------------------------------------ the latent space
    def encode(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        label: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
    ) -> LatentOutput:
        """The posterior of sentences that end in `</s>`: ids (B, L), mask (B, L), labels (B,) for the penalty."""
        encoded = self.sentence_encoder(self.embedding_dropout(self.embedding(input_ids)), attention_mask)
        found: LatentOutput = self.latent(encoded.summary, label, sample, key, (encoded.states, attention_mask))
        return found

    @staticmethod
    def memory(z: Tensor) -> Tensor:
        """What the decoder reads: (B, Z) → (B, 1, Z)."""
        return z[:, None]

    def sample_prior(self, n: int, label: int | None = None, key: NoiseKey | None = None) -> Tensor:
        """n draws (n, Z) from the prior; under a class-conditional one of a label, or of every label in turn."""
        device = self.embedding.weight.device
        if label is None:
            labels = torch.arange(n, device=device) % max(self.num_classes, 1)
        else:
            labels = torch.full((n,), label, device=device)
        return self.latent.sample_prior(labels, key)

    def read_memory(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        return self.memory(self.encode(input_ids, attention_mask).value)

    # ------------------------------------------------------------------------------------------ training
    def nll(self, z: Tensor, batch: Batch) -> Tensor:
        """−log p(x_t | z, x_<t) of a batch for any vectors z (B, Z): (B, L) nats, 0 at padding."""
        embedded = self.embedding_dropout(self.target_embedding(batch.decoder_input_ids))
        return self.token_nll(self.decoder(self.memory(z), embedded), batch.labels)

    def reconstruct(self, batch: Batch, sample: bool = True) -> SentenceOutput:
        """Teacher-forced pass over a batch; `sample=False` decodes from the posterior means."""
        latent = self.encode(batch.input_ids, batch.attention_mask, batch.style, sample, batch.key)
        bag = None if self.bag_head is None else self.bag_head(latent.value)
        return SentenceOutput(self.nll(latent.value, batch), latent, bag)

    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_outputs: BaseModelOutput | None = None,
        batch: Batch | None = None,
        sample: bool = True,
        **_: Any,
    ) -> SentenceOutput | Seq2SeqLMOutput:
        """`batch=` gives the training terms; otherwise a sequence-to-sequence pass as in transformers.

        In the second case the sentence (or `encoder_outputs.last_hidden_state` = a memory (B, 1, Z)) is decoded from
        its posterior mean to logits (B, L, V), with the mean token loss if `labels` are given.
        """
        if batch is not None:
            return self.reconstruct(batch, sample)
        return self.sequence_to_sequence(input_ids, attention_mask, decoder_input_ids, labels, encoder_outputs)


AutoConfig.register(SentenceVAEConfig.model_type, SentenceVAEConfig)
AutoModel.register(SentenceVAEConfig, SentenceVAE)
AutoModelForSeq2SeqLM.register(SentenceVAEConfig, SentenceVAE)
