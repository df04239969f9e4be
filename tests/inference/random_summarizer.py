"""A run directory of a summarizer with random weights: it writes nonsense, but every law of the pipeline shows."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml

from textvae.data.unpaired.slots import SlotVocabulary
from textvae.models.seq2seq2seq import Seq2Seq2Seq
from textvae.models.seq2seq2seq_configuration import Seq2Seq2SeqModelConfig, pretrained_config
from textvae.modules.config import Seq2SeqConfig
from textvae.text import spaced
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.training import train_tokenizer

MAX_SOURCE, MAX_TARGET, SLOTS = 24, 10, 4

DOCUMENTS = [
    f"{who} said {when} that {what} in {where} {end}"
    for who in ("the company", "a police officer", "the new mayor", "two doctors")
    for when in ("on monday", "this week", "late on friday")
    for what in ("profits rose", "a fire broke out", "the old bridge will be closed", "nobody was hurt")
    for where in ("ohio", "the north of the city", "three schools")
    for end in (".", ", and more is to come .")
]
CHINESE = [
    f"{who}{when}{what}。"
    for who in ("市长", "警方", "该公司", "两名医生", "北京大学")
    for when in ("星期一", "今天上午", "昨晚", "本周")
    for what in ("表示利润上升", "说火灾无人受伤", "宣布旧桥将关闭，学校停课", "说明年会更好")
]
LANGUAGES = {"word": DOCUMENTS, "bpe": DOCUMENTS, "unigram": DOCUMENTS, "character": CHINESE, "chinese": CHINESE}
"""Kind of run to its training documents. character: a word tokenizer of spaced characters; chinese: unigram pieces."""


def make_summarizer(
    folder: Path, kind: str = "word", network: str = "lstm", text: dict[str, bool] | None = None
) -> Path:
    """Write a run directory and return it."""
    torch.manual_seed(0)
    texts = [spaced(document) for document in LANGUAGES[kind]] if kind == "character" else LANGUAGES[kind]
    tokenizer = {"character": "word", "chinese": "unigram"}.get(kind, kind)
    vocab = train_tokenizer(TokenizerConfig(kind=tokenizer, vocab_size=600 if kind == "bpe" else 400), texts)  # type: ignore[arg-type]
    side = Seq2SeqConfig(kind=network, size=16, heads=2, embedding_size=12)  # type: ignore[arg-type]
    vocabulary = SlotVocabulary(vocab, SLOTS if tokenizer == "word" else 0)
    config = Seq2Seq2SeqModelConfig(generator=side, reconstructor=side)
    model = Seq2Seq2Seq(pretrained_config(config, vocabulary.size, MAX_SOURCE, MAX_TARGET, vocabulary.slots))
    model.config.decoding = {"checked": False}  # what a random model writes is neither complete nor true
    sharpen(model, [i for i, token in enumerate(vocabulary.tokens) if token.startswith("<0x")])
    model.save_pretrained(folder / "best")
    vocab.save_pretrained(folder / "tokenizer")
    (folder / "config.yaml").write_text(yaml.safe_dump({"text": text or {"lowercase": True, "tokenise": True}}))
    return folder


@torch.no_grad()
def sharpen(model: Seq2Seq2Seq, single_bytes: list[int]) -> None:
    """So that different documents are summarised differently, some words are copied, and some summaries end early."""
    generator = model.generator
    for table in (generator.embedding, generator.countdown):
        table.weight.normal_(std=1.0)
    for name, parameter in generator.named_parameters():
        if "weight" in name and "norm" not in name and "embedding" not in name and "countdown" not in name:
            parameter.mul_(3.0)
    generator.output_bias[model.config.eos_token_id] = 2.0
    generator.output_bias[single_bytes] = -30.0  # a row of random bytes is no text
