"""The style-content autoencoder (John, Mou, Bahuleyan & Vechtomova, ACL 2019, arXiv 1808.04339)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, GenerationMixin
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from textvae.data.batch import Batch
from textvae.errors import UserError
from textvae.models.configuration import StyleContentVAEConfig
from textvae.models.style_vectors import StyleVectors
from textvae.models.views import SentenceViews
from textvae.modules.attributes import LabelGroups
from textvae.modules.clamping import ClampingConfig, clamped_space
from textvae.modules.classifiers import Classifier, StyleHead
from textvae.modules.decoders import build_decoder
from textvae.modules.latents import LatentOutput, build_latent
from textvae.modules.memory import Remembered, SentenceMemory
from textvae.modules.noise import NoiseKey
from textvae.modules.output import OUTPUTS
from textvae.modules.transformers_parts import freeze_unless_tuned


@dataclass(frozen=True)
class Latents:
    """The two views of a batch of sentences.

    remembered: what the decoder attends to, None for a pure bottleneck.
    visible: (B, L, Zs + Zc) what it attends to in a transfer, where that differs (`model.memory.translate`).
    apart: (B, Z) in a batch of groups, how far each sentence's posterior mean is from its group's in the shared space.
    """

    style: LatentOutput
    content: LatentOutput
    remembered: Remembered | None = None
    visible: Tensor | None = None
    apart: Tensor | None = None

    @property
    def memory(self) -> Tensor | None:
        """(B, M, Zs + Zc) the rows to attend to in a reconstruction."""
        return None if self.remembered is None else self.remembered.rows

    @property
    def source(self) -> Tensor | None:
        """(B, M, Zs + Zc) the rows to attend to in a transfer."""
        return self.memory if self.visible is None else self.visible

    def detach(self) -> Latents:
        """The same numbers outside the graph: what phase `dis` reads."""
        remembered = None if self.remembered is None else self.remembered.detach()
        visible = None if self.visible is None else self.visible.detach()
        apart = None if self.apart is None else self.apart.detach()
        return Latents(self.style.detach(), self.content.detach(), remembered, visible, apart)


@dataclass(frozen=True)
class StyleContentOutput:
    """Everything the objectives read, unreduced.

    token_nll: (B, L) −log p(token), 0 at padding. latents: both spaces.
    style_logits: (B, K_a) of each attribute, from z_s. bag_logits: (B, W) from z_c.
    """

    token_nll: Tensor
    latents: Latents
    style_logits: tuple[Tensor, ...]
    bag_logits: Tensor


class StyleContentVAE(SentenceViews, StyleVectors, GenerationMixin):  # type: ignore[misc]
    """Sentence → h → (z_s, z_c) → sentence, with a head on each space.

    A style has one attribute or several, z_s = [z_1; ...; z_A] a block for each of them, with its own prior, head and
    target vectors. S are the labels of all attributes; labels of sentences are (B,) with one attribute, else (B, A).
    z_s: (B, Zs) style, z_c: (B, Zc) content; the decoder reads [z_s; z_c] as a memory (B, 1, Zs + Zc), longer where
    `memory` lets it look back at the sentence that z_c is read from.
    """

    config_class = StyleContentVAEConfig

    def __init__(self, config: StyleContentVAEConfig):
        super().__init__(config)
        encoder, decoder, style, content = config.parts()
        self.attributes = config.attribute_part()
        self.groups = LabelGroups.of(self.attributes.sizes)
        self.num_styles, sizes = self.groups.total, self.groups.sizes
        self.add_reader(encoder)
        self.style_latent = build_latent(style, self.sentence_encoder.output_size, sizes, 0, blocks=len(sizes))
        self.content_latent = build_latent(content, self.sentence_encoder.output_size, sizes, stream=1)
        self.vector_size, memory = self.style_latent.size + content.size, config.memory_part()
        self.translates = memory.translate
        self.decoder = build_decoder(
            decoder, self.target_embedding.embedding_dim, self.vector_size, memory.kind != "none"
        )
        if memory.kind != "none":
            states = self.sentence_encoder.output_size
            self.sentence_memory = SentenceMemory(memory, states, self.vector_size, sizes)
        if config.style_word_kinds and not config.hide_style_words:
            raise UserError("model.style_word_kinds tells kinds of hidden words: set model.hide_style_words true too")
        if (memory.translate or config.blanks_part().join) and not config.hide_style_words:
            raise UserError(
                "model.memory.translate and model.blanks say what becomes of hidden words: "
                "set model.hide_style_words true too"
            )
        if style.erase_labels:
            raise UserError(
                "model.style.erase_labels: the style space is where the label belongs; erase it from content"
            )
        self.output = OUTPUTS[config.output](self.decoder.output_size, config.vocab_size)
        self.style_head = StyleHead(style.size, sizes)
        self.bag_head = Classifier(content.size, config.bag_size) if config.bag_size else None
        self.add_style_means()
        self.add_views(config.blanks_part())
        # What sentences of a group share; the training's business, so no part of the saved configuration.
        self.clamping = ClampingConfig()
        freeze_unless_tuned(encoder.kind, encoder.tuning, self.embedding)
        freeze_unless_tuned(decoder.kind, decoder.tuning, self.target_embedding, self.output)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, StyleContentVAE):
            module.reset_style_means()
            module.reset_views()

    # ------------------------------------------------------------------------------------------ encoding
    def encode(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        style: Tensor | None = None,
        sample: bool = False,
        key: NoiseKey | None = None,
        points: Tensor | None = None,
        group: Tensor | None = None,
    ) -> Latents:
        """Both posteriors of sentences that end in `</s>`: ids (B, L), mask (B, L), labels (B,) or (B, A) for the KL.

        points: (B, L, V) to be read in place of the words `input_ids`, which then only say where style words stand.
        group: (B,) the same number for sentences that share what `clamping` says.
        """
        whole, bare = self.read(input_ids, attention_mask, points, sample, key)
        remembered, visible = None, None
        if self.sentence_memory is not None:
            remembered = self.sentence_memory(bare.states, bare.mask)
            visible = self.sentence_memory.whole(whole.states, whole.mask) if self.translates else None
        found: dict[str, LatentOutput] = {}
        apart: Tensor | None = None
        for name, latent, view in (("style", self.style_latent, whole), ("content", self.content_latent, bare)):
            tokens = view.states, view.mask
            if group is not None and name == self.clamping.shared:
                known = {"label": style, "sample": sample, "key": key, "tokens": tokens}
                found[name], apart = clamped_space(latent, self.clamping, view.summary, group, **known)
            else:
                found[name] = latent(view.summary, style, sample, key, tokens)
        return Latents(found["style"], found["content"], remembered, visible, apart)

    def content_means(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, Zc) the posterior means of z_c that `encode` gives, without reading the rest."""
        (bare,) = self.read(input_ids, attention_mask, wanted=("bare",))
        return self.content_latent(bare.summary, tokens=(bare.states, bare.mask)).mean

    def style_means_of(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, Zs) the posterior means of z_s that `encode` gives, without reading the rest."""
        (whole,) = self.read(input_ids, attention_mask, wanted=("whole",))
        return self.style_latent(whole.summary, tokens=(whole.states, whole.mask)).mean

    @staticmethod
    def memory(z_s: Tensor, z_c: Tensor, rows: Tensor | None = None) -> Tensor:
        """The decoder's memory: [z_s; z_c] (B, 1, Zs + Zc), and after it the rows (B, M, Zs + Zc) to attend to."""
        vector = torch.cat((z_s, z_c), dim=-1)[:, None]
        return vector if rows is None else torch.cat((vector, rows.to(vector.dtype)), dim=1)

    def read_memory(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        latents = self.encode(input_ids, attention_mask)
        return self.memory(latents.style.value, latents.content.value, latents.memory)

    # ------------------------------------------------------------------------------------------ training
    def reconstruct(self, batch: Batch, sample: bool = True) -> StyleContentOutput:
        """Teacher-forced pass over a batch; `sample=False` decodes from the posterior means."""
        latents = self.encode(batch.input_ids, batch.attention_mask, batch.style, sample, batch.key, group=batch.group)
        z_s, z_c = latents.style.value, latents.content.value
        embedded = self.embedding_dropout(self.target_embedding(batch.decoder_input_ids))
        hidden = self.decoder(self.memory(z_s, z_c, latents.memory), embedded)
        bag_logits = z_c[:, :0] if self.bag_head is None else self.bag_head(z_c)
        return StyleContentOutput(self.token_nll(hidden, batch.labels), latents, self.style_head(z_s), bag_logits)

    def drop_training_heads(self) -> None:
        """Let go of the head that only J_mul_c reads, a fifth of a small model's weights."""
        self.bag_head, self.config.bag_size = None, 0

    def forward(  # type: ignore[override]
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        encoder_outputs: BaseModelOutput | None = None,
        batch: Batch | None = None,
        sample: bool = True,
        also: Callable[[Batch, Latents], Any] | None = None,
        **_: Any,
    ) -> StyleContentOutput | tuple[StyleContentOutput, Any] | Seq2SeqLMOutput:
        """`batch=` gives the training terms; otherwise a sequence-to-sequence pass as in transformers.

        also(batch, latents): more to do with the batch in the same forward pass, where a data-parallel wrapper sees
        it; what it returns comes beside the terms. In the second case the sentence (or
        `encoder_outputs.last_hidden_state` = a memory (B, 1 + M, Zs + Zc)) is decoded from its posterior mean to logits
        (B, L, V), with the mean token loss if `labels` are given.
        """
        if batch is not None:
            output = self.reconstruct(batch, sample)
            return output if also is None else (output, also(batch, output.latents))
        return self.sequence_to_sequence(input_ids, attention_mask, decoder_input_ids, labels, encoder_outputs)

    @torch.no_grad()
    def fit_eraser(self, content: Tensor, labels: Tensor) -> None:
        """Set the erasure of z_c, where there is one, from means before erasure (N, Zc), labels (N,) or (N, A)."""
        if self.content_latent.eraser is not None:
            self.content_latent.eraser.fit(content, labels)


AutoConfig.register(StyleContentVAEConfig.model_type, StyleContentVAEConfig)
AutoModel.register(StyleContentVAEConfig, StyleContentVAE)
AutoModelForSeq2SeqLM.register(StyleContentVAEConfig, StyleContentVAE)
