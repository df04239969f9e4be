"""The factorised hierarchical VAE (FHVAE; Hsu, Zhang & Glass 2017, arXiv 1709.07902) over sentences of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, GenerationMixin
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from textvae.data.batch import Batch
from textvae.extras.documents.config import HierarchicalVAEConfig
from textvae.models.sentence_model import SentenceModel
from textvae.modules.decoders import build_decoder
from textvae.modules.encoders import build_encoder
from textvae.modules.latents import LatentOutput, build_latent
from textvae.modules.noise import NoiseKey
from textvae.modules.output import OUTPUTS


@dataclass(frozen=True)
class Factors:
    """The two posteriors of a batch of sentences. sentence: z1, of q(z1 | x, z2); document: z2, of q(z2 | x)."""

    sentence: LatentOutput
    document: LatentOutput

    def detach(self) -> Factors:
        """The same numbers outside the graph."""
        return Factors(self.sentence.detach(), self.document.detach())


@dataclass(frozen=True)
class HierarchicalOutput:
    """Everything the objectives read, unreduced. token_nll: (B, L) −log p(token), 0 at padding."""

    token_nll: Tensor
    factors: Factors


class HierarchicalVAE(SentenceModel, GenerationMixin):  # type: ignore[misc]
    """Sentence → z2; sentence and z2 → z1; [z1; z2] → sentence.

    z2 (B, Z2) is drawn around its document's μ2, so it holds what the sentences of a document share; z1 (B, Z1) has
    one prior for all and holds the rest. The decoder reads both as a memory (B, 1, Z1 + Z2), at every step. What is
    known of single documents is no part of the model: their μ2 are inferred (`objectives.hierarchy.document_means`).
    """

    config_class = HierarchicalVAEConfig

    def __init__(self, config: HierarchicalVAEConfig):
        super().__init__(config)
        encoder, decoder, sentence, document = config.parts()
        self.add_reader(encoder)
        self.document_latent = build_latent(document, self.sentence_encoder.output_size, 0, stream=1)
        self.informed_encoder = build_encoder(encoder, config.embedding_size + document.size)
        self.sentence_latent = build_latent(sentence, self.informed_encoder.output_size, 0, stream=0)
        self.decoder = build_decoder(decoder, config.embedding_size, sentence.size + document.size)
        self.output = OUTPUTS[config.output](self.decoder.output_size, config.vocab_size)
        self.post_init()

    # ------------------------------------------------------------------------------------------ the latent spaces
    def encode(
        self, input_ids: Tensor, attention_mask: Tensor, sample: bool = False, key: NoiseKey | None = None
    ) -> Factors:
        """Posteriors of sentences that end in `</s>`: ids (B, L), mask (B, L). q(z1 | x, z2) is at the z2 returned."""
        embedded = self.embedding_dropout(self.embedding(input_ids))
        document = self.read_document(embedded, attention_mask, sample, key)
        beside = document.value.to(embedded.dtype)[:, None].expand(-1, embedded.shape[1], -1)
        informed = self.informed_encoder(torch.cat((embedded, beside), dim=2), attention_mask)
        return Factors(self.sentence_latent(informed.summary, None, sample, key), document)

    def encode_document(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Posterior means of z2 alone, (B, Z2): all that the mean of a document is inferred from."""
        embedded = self.embedding_dropout(self.embedding(input_ids))
        return self.read_document(embedded, attention_mask, False, None).mean

    def read_document(
        self, embedded: Tensor, attention_mask: Tensor, sample: bool, key: NoiseKey | None
    ) -> LatentOutput:
        """q(z2 | x) of embedded words (B, L, E)."""
        encoded = self.sentence_encoder(embedded, attention_mask)
        return self.document_latent(encoded.summary, None, sample, key)  # type: ignore[no-any-return]

    @staticmethod
    def memory(sentence: Tensor, document: Tensor) -> Tensor:
        """What the decoder reads: z1 (B, Z1) and z2 (B, Z2) → (B, 1, Z1 + Z2)."""
        return torch.cat((sentence, document), dim=1)[:, None]

    def read_memory(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = self.encode(input_ids, attention_mask)
        return self.memory(found.sentence.value, found.document.value)

    # ------------------------------------------------------------------------------------------ training
    def reconstruct(self, batch: Batch, sample: bool = True) -> HierarchicalOutput:
        """Teacher-forced pass over a batch; `sample=False` decodes from the posterior means."""
        factors = self.encode(batch.input_ids, batch.attention_mask, sample, batch.key)
        memory = self.memory(factors.sentence.value, factors.document.value)
        embedded = self.embedding_dropout(self.target_embedding(batch.decoder_input_ids))
        return HierarchicalOutput(self.token_nll(self.decoder(memory, embedded), batch.labels), factors)

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
    ) -> HierarchicalOutput | Seq2SeqLMOutput:
        """`batch=` gives the training terms; otherwise a sequence-to-sequence pass as in transformers."""
        if batch is not None:
            return self.reconstruct(batch, sample)
        return self.sequence_to_sequence(input_ids, attention_mask, decoder_input_ids, labels, encoder_outputs)


class DocumentTable(nn.Module):
    """μ2 of the documents of one block, (K, Z2): trained beside the model, and no part of what users get.

    block: number of the block whose means these are, −1 before the first. members: how many rows are in use.
    """

    block: Tensor
    members: Tensor

    def __init__(self, rows: int, size: int):
        super().__init__()
        self.means = nn.Parameter(torch.zeros(rows, size))
        self.register_buffer("block", torch.tensor(-1))
        self.register_buffer("members", torch.tensor(0))

    def forward(self) -> Tensor:
        """All means, (K, Z2); a module's forward so that data-parallel wrappers see it."""
        return self.means

    @property
    def used(self) -> Tensor:
        """(K,) which rows are in use."""
        return torch.arange(len(self.means), device=self.means.device) < self.members

    @torch.no_grad()
    def fill(self, block: int, means: Tensor) -> None:
        """Take the means (D, Z2) of another block, D ≤ K; rows beyond are zero."""
        self.means.zero_()
        self.means[: len(means)] = means.to(self.means)
        self.block.fill_(block)
        self.members.fill_(len(means))


AutoConfig.register(HierarchicalVAEConfig.model_type, HierarchicalVAEConfig)
AutoModel.register(HierarchicalVAEConfig, HierarchicalVAE)
AutoModelForSeq2SeqLM.register(HierarchicalVAEConfig, HierarchicalVAE)
