"""The style-content autoencoder (John, Mou, Bahuleyan & Vechtomova, ACL 2019, arXiv 1808.04339)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, GenerationMixin
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from textvae.data.batch import Batch
from textvae.errors import UserError
from textvae.models.configuration import StyleContentVAEConfig
from textvae.models.sentence_model import SentenceModel, freeze_unless_tuned
from textvae.modules.attributes import LabelGroups
from textvae.modules.blanks import Blanked, blanked
from textvae.modules.clamping import clamped_space
from textvae.modules.config import BlanksConfig, ClampingConfig, DecoderConfig
from textvae.modules.decoders import build_decoder
from textvae.modules.encoders import Encoded
from textvae.modules.latents import Latent, LatentOutput, build_latent
from textvae.modules.memory import Remembered, SentenceMemory
from textvae.modules.noise import NoiseKey, embed
from textvae.modules.output import OUTPUTS
from textvae.modules.style_guide import Classifier, StyleHead

ViewName = Literal["whole", "bare"]
"""whole: the sentence as it is, which the style is read from; bare: without its style words, for the content."""
BOTH: tuple[ViewName, ...] = ("whole", "bare")


@dataclass(frozen=True)
class View:
    """Sentences as the encoder read them: states (B, V, D), summary (B, D), mask (B, V)."""

    states: Tensor
    summary: Tensor
    mask: Tensor


class SentenceViews(SentenceModel):
    """What a model adds to its reader so that one of its spaces does not see the style words."""

    blanks: BlanksConfig
    style_tokens: Tensor
    style_kinds: Tensor
    kind_embedding: nn.Embedding | None

    def add_views(self, blanks: BlanksConfig) -> None:
        """Which words are hidden, of which kinds, and what stands in their place."""
        config, self.blanks = self.config, blanks
        # True for the tokens that z_c does not get to see (`hide_style_words`), set by `set_style_tokens`.
        self.register_buffer("style_tokens", torch.zeros(config.vocab_size, dtype=torch.bool))
        # What z_c sees of a style word beside the blank: its kind, 1 to `style_word_kinds`; 0 for other tokens.
        self.kind_embedding = None
        if config.style_word_kinds:
            self.kind_embedding = nn.Embedding(config.style_word_kinds + 1, self.embedding.embedding_dim, padding_idx=0)
            self.register_buffer("style_kinds", torch.zeros(config.vocab_size, dtype=torch.long))

    def reset_views(self) -> None:
        """No word is a style word."""
        self.style_tokens.zero_()
        if self.kind_embedding is not None:
            self.style_kinds.zero_()

    @torch.no_grad()
    def set_style_tokens(self, ids: list[int], kinds: Tensor | None = None) -> None:
        """Name the tokens that `hide_style_words` blanks out; kinds: (V,) of each, where the model tells them."""
        self.style_tokens.zero_()
        self.style_tokens[ids] = True
        if self.kind_embedding is not None and kinds is not None:
            self.style_kinds.copy_(kinds)

    def read(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        points: Tensor | None = None,
        noisy: bool = False,
        key: NoiseKey | None = None,
        wanted: tuple[ViewName, ...] = BOTH,
    ) -> tuple[View, ...]:
        """The wanted views of sentences (B, L), in one pass; where no words are hidden, one view stands for all.

        points: (B, L, V) to be read in place of the words `input_ids`, which then only say where style words stand.
        noisy: as in training, where blanks may be wider or empty (`model.blanks`). Cost: that of the wanted views.
        """
        if not self.config.hide_style_words:
            embedded = self.embedding(input_ids) if points is None else embed(points, self.embedding)
            encoded: Encoded = self.sentence_encoder(self.embedding_dropout(embedded), attention_mask)
            return (View(encoded.states, encoded.summary, attention_mask),) * len(wanted)
        bare = blanked(self.style_tokens[input_ids], attention_mask, self.blanks, key, noisy)
        width = max(input_ids.shape[1], bare.mask.shape[1])
        masks = [padded(attention_mask if name == "whole" else bare.mask, width) for name in wanted]
        embedded = self.embedded_views(input_ids, points, bare, width, wanted)
        encoded = self.sentence_encoder(self.embedding_dropout(embedded), torch.cat(masks))
        parts = encoded.states.chunk(len(wanted)), encoded.summary.chunk(len(wanted)), masks
        return tuple(View(states, summary, mask) for states, summary, mask in zip(*parts, strict=True))

    def embedded_views(
        self, input_ids: Tensor, points: Tensor | None, bare: Blanked, width: int, wanted: tuple[ViewName, ...]
    ) -> Tensor:
        """(N B, V, E) the words of N wanted views, one view after the other."""
        if points is None:
            mask_id = self.config.mask_token_id
            ids = [input_ids if name == "whole" else bare.words(input_ids, mask_id) for name in wanted]
            embedded: Tensor = self.embedding(torch.cat([padded(x, width) for x in ids]))
        else:
            whole = embed(points, self.embedding)
            blank = self.embedding.weight[self.config.mask_token_id].to(whole.dtype)
            views = [whole if name == "whole" else bare.words(whole, blank) for name in wanted]
            embedded = torch.cat([padded(x, width) for x in views])
        if self.kind_embedding is not None:
            kinds = self.style_kinds[input_ids].gather(1, bare.source).masked_fill(~bare.blank, 0)
            found = self.kind_embedding(padded(kinds, width)).to(embedded.dtype)
            told = [torch.zeros_like(found) if name == "whole" else found for name in wanted]
            embedded = embedded + torch.cat(told)
        return embedded


def padded(values: Tensor, width: int) -> Tensor:
    """(B, L) or (B, L, D) with zeros up to `width` places."""
    spare = width - values.shape[1]
    return values if not spare else F.pad(values, (0, 0) * (values.dim() - 2) + (0, spare))


class StyleVectors(SentenceModel):
    """Target vectors of a model with a style space z_s = [z_1; ...; z_A], a block for each of A attributes."""

    groups: LabelGroups
    style_latent: Latent
    style_means: Tensor

    def add_style_means(self) -> None:
        """The paper's target vectors: mean posterior mean of each label's training sentences (of its attribute's
        block), set by `set_style_means`."""
        self.register_buffer("style_means", torch.zeros(self.groups.total, self.style_latent.config.size))

    def reset_style_means(self) -> None:
        """Before any sentence is known."""
        nn.init.zeros_(self.style_means)

    @property
    def style_vectors(self) -> Tensor:
        """(S, Zs / A): the learnt prior means, or under a standard prior the mean posterior mean of each label."""
        means: Tensor | None = getattr(self.style_latent, "prior_means", None)
        return self.style_means if means is None else means

    def style_vector(self, label: int | Tensor, strength: float | None = None) -> Tensor:
        """Target style of the one attribute's label (Zs,), or of labels (B,) or (B, A) (B, Zs), by `at_strength`."""
        vectors = self.style_vectors
        vector = vectors[label] if isinstance(label, int) else self.groups.joined(vectors, label)
        return self.at_strength(vector, strength)

    def at_strength(self, vector: Tensor, strength: float | None = None) -> Tensor:
        """m̄ + strength · (vector − m̄) for styles (..., Zs), where m̄ is the mean over the labels of each attribute.

        Strength 1 is the style itself, 0 a neutral one, above 1 an exaggeration; None the one chosen on dev.
        """
        strength = self.config.transfer_strength if strength is None else strength
        centre = self.groups.centre(self.style_vectors)
        return centre + strength * (vector - centre)

    @torch.no_grad()
    def set_style_means(self, sums: Tensor, counts: Tensor) -> None:
        """Store Σ μ_s (S, Zs / A) over counts (S,) of training sentences: means of *means*, not of noisy samples."""
        self.style_means.copy_(sums / counts.clamp(min=1)[:, None])


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
        width, self.shows_words = self.target_embedding.embedding_dim, memory.kind == "words"
        self.decoder = build_decoder(decoder, width, self.vector_size, memory.kind != "none")
        if self.shows_words:
            self.check_words(decoder, width)
            self.decoder.rows = nn.Identity()  # the words of the sentence are read as they are
        elif memory.kind != "none":
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
        self.find_base()
        # Whether a training step decodes sentences from their own latents, which J_rec of weight 0 spares.
        self.reconstructs = True
        self.post_init()

    def check_words(self, decoder: DecoderConfig, width: int) -> None:
        """Refuse a decoder that cannot read the words of a sentence before it writes."""
        if decoder.kind != "pretrained" or getattr(self.decoder, "attends_across", True):
            raise UserError("memory.kind words needs a pretrained causal decoder (decoder.kind pretrained); use full")
        if self.vector_size != width:
            raise UserError(
                f"memory.kind words: style.size + content.size is {self.vector_size} and must be {width}, the width of "
                f"the decoder's word vectors; set content.size to {width - self.style_latent.size}"
            )

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
        elif self.shows_words:
            words = (attention_mask & (input_ids != self.config.eos_token_id))[..., None]
            visible = self.target_embedding(input_ids) * words.to(self.target_embedding.weight.dtype)
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
        nll = z_s.new_zeros(batch.labels.shape)
        if self.reconstructs:
            embedded = self.embedding_dropout(self.target_embedding(batch.decoder_input_ids))
            nll = self.token_nll(self.decoder(self.memory(z_s, z_c, latents.memory), embedded), batch.labels)
        bag_logits = z_c[:, :0] if self.bag_head is None else self.bag_head(z_c)
        return StyleContentOutput(nll, latents, self.style_head(z_s), bag_logits)

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
