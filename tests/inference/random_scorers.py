"""Scorers with random weights beside the model of a random run, and an index of its sentences."""

from __future__ import annotations

from pathlib import Path

import torch

from textvae.inference.retrieval import ContentIndex
from textvae.inference.scorers import FOLDER, Reranking, Scorers
from textvae.inference.style_transfer import StyleTransfer
from textvae.modules.config import LanguageModelConfig, StyleGuideConfig
from textvae.modules.language_model import RecurrentLanguageModel
from textvae.modules.style_guide import StyleGuide

from .random_run import SENTENCES


def make_scorers(run: Path) -> Path:
    """Write RUN/best/scorers and return it; sentence i of the index has label, or combination of labels, i mod their
    number.
    """
    torch.manual_seed(5)
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    vocabulary, folder = transfer.model.config.vocab_size, run / "best" / FOLDER
    kinds = transfer.model.groups.combinations
    scorers = Scorers(
        StyleGuide(StyleGuideConfig(embedding_size=8, size=6), vocabulary, transfer.attributes.sizes),
        RecurrentLanguageModel(LanguageModelConfig(embedding_size=8, size=12, output="adaptive"), vocabulary),
        Reranking(candidates=6, strengths=(1.0, 3.0)),
    )
    with torch.no_grad():  # sharpen, so that different sentences are scored differently
        scorers.guide.embedding.weight.normal_(std=2.0)
        scorers.guide.output.weight.normal_(std=3.0)
        scorers.language_model.embedding.weight.normal_(std=2.0)
    scorers.save(folder, transfer.attributes)
    pieces = [line.pieces[0].ids for line in transfer.reader.read(SENTENCES)]
    ids = transfer.pad(pieces)
    with torch.inference_mode():
        content = transfer.model.encode(ids, ids > 0).content.mean
    ContentIndex.build(content, lambda i: pieces[i], torch.arange(len(pieces)) % kinds, kinds, size=12).save(folder)
    return folder


def exact(run: Path) -> StyleTransfer:
    """In float64: laws about equal sentences must not hang on the last bit."""
    transfer = StyleTransfer.from_pretrained(run, device="cpu", precision="fp32")
    transfer.model.double()
    transfer.scorers.double()
    return transfer
