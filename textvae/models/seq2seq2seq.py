"""The summarizer: document → summary → document (Wang & Lee, EMNLP 2018, arXiv 1810.02851)."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM, PreTrainedModel
from transformers.modeling_outputs import Seq2SeqLMOutput

from textvae.models.seq2seq2seq_configuration import Seq2Seq2SeqConfig
from textvae.modules.seq2seq import Seq2Seq


class Seq2Seq2Seq(PreTrainedModel):
    """Two pointer-generators without a common weight: `generator` shortens a text, `reconstructor` restores it.

    The reconstructor reads nothing but the summary, so what it restores was said there.
    """

    config_class = Seq2Seq2SeqConfig
    base_model_prefix = ""
    main_input_name = "input_ids"
    _supports_sdpa = True

    def __init__(self, config: Seq2Seq2SeqConfig):
        super().__init__(config)
        generator, reconstructor = config.parts()
        self.generator = Seq2Seq(generator, config.vocab_size)
        self.reconstructor = Seq2Seq(reconstructor, config.vocab_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """torch's own initialisation for layers, small normal word vectors, no bias for any word."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=module.embedding_dim**-0.5)
        elif isinstance(module, (nn.Linear, nn.LayerNorm, nn.RNNBase)):
            module.reset_parameters()
        elif isinstance(module, Seq2Seq):
            nn.init.zeros_(module.output_bias)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        labels: Tensor | None = None,
        lengths: Tensor | None = None,
        part: Literal["generator", "reconstructor"] = "generator",
        **_: Any,
    ) -> Seq2SeqLMOutput:
        """One half as transformers has it: log-probabilities (B, L, V) as logits, and the mean token loss of labels.

        input_ids: (B, M) ids or (B, M, V) points on the simplex; the mask is needed with the latter. lengths: (B,)
        words to write, for the countdown. Training goes through `generator` and `reconstructor` themselves, which need
        not compute (B, L, V).
        """
        network: Seq2Seq = getattr(self, part)
        if attention_mask is None:
            assert input_ids.dim() == 2, "give an attention_mask with points on the simplex"
            attention_mask = input_ids != self.config.pad_token_id
        if decoder_input_ids is None:
            assert labels is not None, "give decoder_input_ids or labels"
            start = labels.new_full((labels.shape[0], 1), self.config.bos_token_id)
            decoder_input_ids = torch.cat((start, labels[:, :-1].clamp(min=self.config.pad_token_id)), dim=1)
        memory = network.read(input_ids, attention_mask)
        written = network.write(memory, decoder_input_ids, lengths)
        loss = None if labels is None else network.nll(written, labels).sum() / (labels >= 0).sum()
        return Seq2SeqLMOutput(loss=loss, logits=network.log_probs(written), encoder_last_hidden_state=memory.states)

    def get_input_embeddings(self) -> nn.Module:
        return self.generator.embedding

    def set_input_embeddings(self, value: nn.Embedding) -> None:  # type: ignore[override]
        self.generator.embedding = value


AutoConfig.register(Seq2Seq2SeqConfig.model_type, Seq2Seq2SeqConfig)
AutoModel.register(Seq2Seq2SeqConfig, Seq2Seq2Seq)
AutoModelForSeq2SeqLM.register(Seq2Seq2SeqConfig, Seq2Seq2Seq)
