"""A run directory with random weights: what it writes is nonsense, but every law of the pipeline shows."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml

from textvae.models.configuration import ModelConfig, pretrained_config
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.config import BlanksConfig, DecoderConfig, EncoderConfig, LatentConfig, MemoryConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.training import train_tokenizer

SENTENCES = [
    f"{subject} {verb} {degree} {adjective} {end}"
    for subject in ("the food", "the staff", "my room", "their pizza", "it", "this place")
    for verb in ("was", "is", "looks", "seemed")
    for degree in ("very", "not", "really", "so")
    for adjective in ("good", "bad", "great", "awful", "friendly", "rude", "clean", "dirty")
    for end in (".", "!", "and cheap .", ", but i 'll be back .", "; we do n't mind ...")
]
STYLE_WORDS = ("good", "bad", "great", "awful", "friendly", "rude", "clean", "dirty", "very", "not")
LABELS = ("negative", "positive", "mixed")
MAX_LENGTH = 12


def make_run(
    folder: Path,
    tokenizer: str = "word",
    decoder: str = "gru",
    text: dict[str, bool] | None = None,
    memory: str = "none",
    labels: tuple[str, ...] | dict[str, tuple[str, ...]] = LABELS,
) -> Path:
    """Write a run directory and return it; memory "translated": the whole sentence in a transfer, else blanks."""
    torch.manual_seed(0)
    translated = memory == "translated"
    vocab = train_tokenizer(TokenizerConfig(kind=tokenizer, vocab_size=400), SENTENCES)  # type: ignore[arg-type]
    config = ModelConfig(
        encoder=EncoderConfig(size=16),
        decoder=DecoderConfig(kind=decoder, size=24, heads=2),  # type: ignore[arg-type]
        style=LatentConfig(size=4, prior="class_conditional"),
        content=LatentConfig(size=12),
        embedding_size=16,
        hide_style_words=translated,
        blanks=BlanksConfig(join=translated),
        memory=MemoryConfig("full" if translated else memory, window=2, translate=translated),  # type: ignore[arg-type]
    )
    model = StyleContentVAE(pretrained_config(config, len(vocab), 20, labels, MAX_LENGTH))
    if translated:
        model.set_style_tokens([vocab.convert_tokens_to_ids(word) for word in STYLE_WORDS])
    with torch.no_grad():  # sharpen, so that different sentences are written differently
        model.embedding.weight.normal_(std=1.0)
        model.output.linear.weight.normal_(std=1.0)
        model.output.linear.bias[model.config.eos_token_id] = 3.0
        for latent in (model.content_latent, model.style_latent):
            latent.mean.weight.normal_(std=1.0)
        for name, parameter in model.decoder.named_parameters():
            if "weight" in name and "norm" not in name:
                parameter.mul_(3.0)
    model.save_pretrained(folder / "best")
    vocab.save_pretrained(folder / "tokenizer")
    (folder / "config.yaml").write_text(yaml.safe_dump({"text": text or {"lowercase": True, "tokenise": True}}))
    return folder
