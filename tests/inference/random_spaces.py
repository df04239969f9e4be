"""Run directories of random autoencoders of both families, and their spaces in float64."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml
from random_run import LABELS, MAX_LENGTH, SENTENCES, make_run

from textvae.inference.latents.space import LatentSpace
from textvae.models.sentence_configuration import SentenceModelConfig, saved_config
from textvae.models.sentence_vae import SentenceVAE
from textvae.modules.config import DecoderConfig, EncoderConfig, LatentConfig
from textvae.tokenization.config import TokenizerConfig
from textvae.tokenization.training import train_tokenizer

RUNS = (
    *("style-word", "style-unigram", "sentence-gaussian", "sentence-deterministic", "sentence-conditional"),
    *("sentence-vq", "style-attributes"),
)
"""Names of `make`: every face, tokenizers that know all words and that do not, points, a prior per label, and one for
each combination of the labels of two attributes."""
TWO = {"sentiment": LABELS, "tense": ("past", "present")}

SIZE = 10


def make(folder: Path, name: str) -> Path:
    """Write a run directory and return it."""
    family, kind = name.split("-")
    if kind == "attributes":
        return make_run(folder, "word", "gru", labels=TWO)
    if family == "style":
        return make_run(folder, kind, "gru" if kind == "word" else "transformer")
    return make_sentence_run(folder, kind)


def make_sentence_run(folder: Path, kind: str) -> Path:
    """A plain sentence autoencoder with random weights."""
    torch.manual_seed(1)
    vocab = train_tokenizer(TokenizerConfig(kind="word", vocab_size=400), SENTENCES)
    latent = {"kind": "gaussian" if kind == "conditional" else kind, "size": SIZE}
    prior = "class_conditional" if kind == "conditional" else "standard"
    config = SentenceModelConfig(
        encoder=EncoderConfig(size=16),
        decoder=DecoderConfig(size=24),
        latent=LatentConfig(**latent, prior=prior, slots=5, codebook=16),  # type: ignore[arg-type]
        embedding_size=16,
    )
    model = SentenceVAE(saved_config(config, len(vocab), LABELS, MAX_LENGTH))
    with torch.no_grad():
        model.embedding.weight.normal_(std=1.0)
        model.output.linear.weight.normal_(std=1.0)
        model.latent.mean.weight.normal_(std=1.0)
        for parameter in model.decoder.parameters():
            parameter.mul_(3.0)
    model.save_pretrained(folder / "best")
    vocab.save_pretrained(folder / "tokenizer")
    (folder / "config.yaml").write_text(yaml.safe_dump({"text": {"lowercase": True, "tokenise": True}}))
    return folder


def exact(run: Path) -> LatentSpace:
    """Its space in float64: laws about equal sentences must not hang on the last bit."""
    space = LatentSpace.from_pretrained(run, device="cpu", precision="fp32")
    space.model.network.double()
    return space
