"""Tiny models with random weights, saved as those on the hub are: each kind with the tokenizer that belongs to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

sys.path.insert(0, str(Path(__file__).parent / "inference"))
from random_run import SENTENCES  # noqa: E402

WIDTH = 12
ENCODER_SOURCES, DECODER_SOURCES = ("bert", "roberta", "bart", "t5"), ("gpt2", "bart", "t5")


def wordpiece() -> PreTrainedTokenizerFast:
    """BERT's: a lower-casing normalizer, `##` before the pieces that continue a word, [CLS] x [SEP]."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    backend.train_from_iterator(
        SENTENCES, trainers.WordPieceTrainer(vocab_size=90, special_tokens=special, show_progress=False)
    )
    ids = [(t, backend.token_to_id(t)) for t in ("[SEP]", "[CLS]")]
    backend.post_processor = processors.BertProcessing(*ids)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, mask_token="[MASK]", **names)


def byte_level(special: list[str], **names: str) -> PreTrainedTokenizerFast:
    """GPT-2's kind, without a space before the first word; <s> x </s> where there is such a token."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend.train_from_iterator(
        [" " + sentence for sentence in SENTENCES],
        trainers.BpeTrainer(
            vocab_size=325 + len(special),
            special_tokens=special,
            initial_alphabet=alphabet,
            show_progress=False,
        ),
    )
    if "<s>" in special:  # as RoBERTa's, the same pieces as GPT-2's in another order
        values = json.loads(backend.to_str())
        tokens = sorted(values["model"]["vocab"], key=values["model"]["vocab"].__getitem__)
        tokens[len(special) :] = reversed(tokens[len(special) :])
        values["model"]["vocab"] = {token: i for i, token in enumerate(tokens)}
        backend = Tokenizer.from_str(json.dumps(values))
        backend.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


def roberta_tokens() -> PreTrainedTokenizerFast:
    """RoBERTa's and BART's."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), special, strict=True))
    return byte_level(special, **names)


def gpt2_tokens() -> PreTrainedTokenizerFast:
    """One token for every role, at the end of the vocabulary; no padding and no mask."""
    end = "<|endoftext|>"
    tokenizer = byte_level([], bos_token=end, eos_token=end, unk_token=end)
    assert tokenizer.convert_tokens_to_ids(end) == len(tokenizer) - 1
    return tokenizer


def unigram() -> PreTrainedTokenizerFast:
    """T5's: sentencepiece, x </s>, sentinels beyond the pieces."""
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.train_from_iterator(
        SENTENCES,
        trainers.UnigramTrainer(
            vocab_size=120, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
        ),
    )
    backend.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=["<extra_id_0>", "<extra_id_1>"],
    )


def bert(tokens: int) -> PreTrainedModel:
    return BertForMaskedLM(
        BertConfig(
            vocab_size=tokens,
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=96,
        )
    )


def roberta(tokens: int) -> PreTrainedModel:
    return RobertaForMaskedLM(
        RobertaConfig(
            vocab_size=tokens,
            hidden_size=WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=96,
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
        )
    )


def gpt2(tokens: int) -> PreTrainedModel:
    end = tokens - 1
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=tokens, n_embd=WIDTH, n_layer=2, n_head=2, n_positions=96, bos_token_id=end, eos_token_id=end
        )
    )


def bart(tokens: int) -> PreTrainedModel:
    """With the two oddities of its family: scaled embeddings and a start token that is `</s>`."""
    return BartForConditionalGeneration(
        BartConfig(
            vocab_size=tokens,
            d_model=WIDTH,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_position_embeddings=96,
            scale_embedding=True,
            bos_token_id=0,
            pad_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=2,
        )
    )


def t5(tokens: int) -> PreTrainedModel:
    """Tied, scaled logits and no position embeddings; more rows than tokens, as the published ones."""
    return T5ForConditionalGeneration(
        T5Config(
            vocab_size=tokens + 5, d_model=WIDTH, d_kv=4, d_ff=16, num_layers=2, num_heads=2, decoder_start_token_id=0
        )
    )


SOURCES: dict[str, tuple[Callable[[], PreTrainedTokenizerFast], Callable[[int], PreTrainedModel]]] = {
    "bert": (wordpiece, bert),
    "roberta": (roberta_tokens, roberta),
    "gpt2": (gpt2_tokens, gpt2),
    "bart": (roberta_tokens, bart),
    "t5": (unigram, t5),
}


def save_source(folder: Path, kind: str, seed: int = 0) -> Path:
    """A folder like one of the hub, its weights large enough that every one shows in the output."""
    tokenizer, model = SOURCES[kind]
    torch.manual_seed(seed)
    tokens = tokenizer()
    network: Any = model(len(tokens))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.add_(torch.randn_like(parameter) * (0.05 if "norm" in name.lower() else 0.3))
    network.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
