"""What every model shares that reads a sentence, keeps a memory of it and writes a sentence from a memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from textvae.modules.config import EncoderConfig
from textvae.modules.decoders import Decoder
from textvae.modules.encoders import Encoder, build_encoder
from textvae.modules.latents import Latent
from textvae.modules.memory import SentenceMemory
from textvae.modules.output import OutputLayer


class SentenceModel(PreTrainedModel):
    """Word vectors, encoder, decoder, output layer, and the way from sentence to sentence as transformers wants it.

    A model adds the latent spaces between encoder and decoder, and says by `read_memory` what the decoder reads.
    """

    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True

    embedding: nn.Embedding
    sentence_encoder: Encoder
    decoder: Decoder
    output: OutputLayer
    sentence_memory: SentenceMemory | None
    decoder_embedding: nn.Embedding | None
    base_names: frozenset[str] = frozenset()

    def add_reader(self, encoder: EncoderConfig) -> None:
        """Word vectors and the encoder."""
        config = self.config
        self.embedding = nn.Embedding(config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id)
        self.embedding_dropout = nn.Dropout(config.embedding_dropout)
        # Two pretrained parts from different sources have word vectors of their own; everything else shares them.
        self.decoder_embedding = None
        if config.decoder_embedding_size is not None:
            size = config.decoder_embedding_size
            self.decoder_embedding = nn.Embedding(config.vocab_size, size, padding_idx=config.pad_token_id)
        self.sentence_encoder = build_encoder(encoder, config.embedding_size)
        self.sentence_memory = None  # what the decoder looks back at, where a model has it

    def find_base(self) -> None:
        """Note which weights are those of pretrained networks that do not learn: files of a run leave them out."""
        tuned = [
            p.kind == "pretrained" and p.tuning != "full" and "base" in (p.network or {})
            for p in self.config.parts()[:2]
        ]
        owners = [n for n, m in self.named_modules() if hasattr(m, "tuning")]
        frozen = {name for name, p in self.named_parameters() if not p.requires_grad} if any(tuned) else set()
        bodies = tuple(f"{owner}." for owner in owners)
        tables = ("embedding.", "decoder_embedding.", "output.")
        self.base_names = frozenset(name for name in frozen if name.startswith((*bodies, *tables)))

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Weights without those of frozen pretrained networks (`find_base`)."""
        state = super().state_dict(*args, **kwargs)
        if self.base_names:
            prefix = kwargs.get("prefix", "")
            for name in self.base_names:
                state.pop(prefix + name, None)
        return state

    def load_state_dict(self, state_dict: Any, *args: Any, **kwargs: Any) -> Any:
        """As torch's; weights that `state_dict` leaves out stay as they are."""
        own = {name: p for name, p in self.named_parameters() if name in self.base_names}
        return super().load_state_dict({**own, **state_dict}, *args, **kwargs)

    @property
    def target_embedding(self) -> nn.Embedding:
        """Word vectors that the decoder reads."""
        return self.embedding if self.decoder_embedding is None else self.decoder_embedding

    def _init_weights(self, module: nn.Module) -> None:
        """torch's own initialisation for layers; small normal word vectors; the latents' own."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
            if module.padding_idx is not None:
                with torch.no_grad():
                    module.weight[module.padding_idx] = 0.0
        elif isinstance(module, Latent):
            module.reset()
        elif isinstance(module, (nn.Linear, nn.LayerNorm, nn.RNNBase)):
            module.reset_parameters()

    def read_memory(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Sentences (B, L) to the memory (B, M, D) that the decoder reads, without sampling."""
        raise TypeError(f"{type(self).__name__} must define read_memory")

    def token_nll(self, hidden: Tensor, labels: Tensor) -> Tensor:
        """(B, L, D) and (B, L) → (B, L) nats. The output layer, most of the cost, never sees padding."""
        valid = labels >= 0
        if bool(valid.all()):
            return self.output.nll(hidden.flatten(0, 1), labels.flatten()).view(labels.shape)
        nll = self.output.nll(hidden[valid], labels[valid])
        return torch.zeros(labels.shape, dtype=nll.dtype, device=nll.device).masked_scatter(valid, nll)

    def sequence_to_sequence(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None,
        decoder_input_ids: Tensor | None,
        labels: Tensor | None,
        encoder_outputs: BaseModelOutput | None,
    ) -> Seq2SeqLMOutput:
        """A sentence (or `encoder_outputs.last_hidden_state` = a memory) decoded to logits, as in transformers."""
        if encoder_outputs is None:
            assert input_ids is not None, "give a batch, input_ids or encoder_outputs"
            encoder_outputs = self.get_encoder()(input_ids, attention_mask)
        memory = encoder_outputs.last_hidden_state
        assert memory is not None
        if decoder_input_ids is None:
            assert labels is not None, "give decoder_input_ids or labels"
            start = labels.new_full((labels.shape[0], 1), self.config.bos_token_id)
            decoder_input_ids = torch.cat((start, labels[:, :-1].clamp(min=self.config.pad_token_id)), dim=1)
        hidden = self.decoder(memory, self.target_embedding(decoder_input_ids))
        loss = None
        if labels is not None:
            loss = self.token_nll(hidden, labels).sum() / (labels >= 0).sum()
        return Seq2SeqLMOutput(loss=loss, logits=self.output.logits(hidden), encoder_last_hidden_state=memory)

    # ------------------------------------------------------------------------------------------ transformers
    def get_encoder(self, *_: Any, **__: Any) -> nn.Module:
        """A module from sentences to a `BaseModelOutput` whose hidden states are the memory (for `generate`)."""
        return MemoryEncoder(self)

    def get_input_embeddings(self) -> nn.Module:
        return self.embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:  # type: ignore[override]
        self.embedding = value

    def _prepare_cache_for_generation(self, *_: Any, **__: Any) -> bool:
        """No key-value cache: a recurrent decoder has none, and `generate` re-reads the prefix (see below)."""
        return False

    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,  # named, since `generate` refuses arguments that nothing names
        encoder_outputs: BaseModelOutput | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """`generate` re-reads the whole prefix; `textvae.inference.decoding` keeps a state and is the fast way."""
        return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs}


class MemoryEncoder(nn.Module):
    """The encoder as `generate` of transformers calls it: sentences to a memory. Holds the model without owning it."""

    def __init__(self, model: SentenceModel):
        super().__init__()
        self.reference = (model,)

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        model = self.reference[0]
        if attention_mask is None:
            attention_mask = input_ids != model.config.pad_token_id
        return BaseModelOutput(last_hidden_state=model.read_memory(input_ids, attention_mask))


def freeze_unless_tuned(kind: str, tuning: str, *modules: nn.Module) -> None:
    """Keep what belongs to a pretrained part outside of its body as it is, unless all of the part is tuned."""
    if kind == "pretrained" and tuning != "full":
        for module in modules:
            module.requires_grad_(False)
