"""What clamping is for: versions of one sentence in two styles get one content, on sentences never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.laws import FIRST_WORD, UNK, tiny_accelerator
from textvae.checkpoint import Checkpoints
from textvae.data.batch import Collator
from textvae.data.loader import BatchLoader, GroupLoader, evaluation_batches
from textvae.data.noise import NoiseConfig
from textvae.data.sample import Sample, make_sample
from textvae.data.tokenized import TokenizedCorpus
from textvae.models.adversaries import Adversaries
from textvae.models.configuration import ModelConfig, pretrained_config
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.config import ClampingConfig, DecoderConfig, EncoderConfig, LatentConfig
from textvae.objectives.config import ObjectivesConfig, Weight
from textvae.training.config import TrainingConfig
from textvae.training.style_content import StyleContentRecipe
from textvae.training.trainer import Trainer

pytestmark = pytest.mark.slow

STYLE, CONTENT, STEPS, BAG = 4, 16, 250, 3


def pairs(sample: Sample, split: str, words: dict[str, int]) -> TokenizedCorpus:
    """Both versions of every example, one after the other, in a group of their own."""
    texts = [text.split() for examples in sample.splits[split] for example in examples for text in example.versions]
    if split == "train":
        for word in sorted({word for text in texts for word in text}):
            words[word] = FIRST_WORD + len(words)
    ids = [[words.get(word, UNK) for word in text] for text in texts]
    return TokenizedCorpus.from_lists(ids, [i % 2 for i in range(len(ids))], [1 + i // 2 for i in range(len(ids))])


def contents(folder: Path, shared: str | None) -> np.ndarray:
    """z_c (N, 2, Zc) of both versions of unseen sentences after a short training, with the pairs told or not."""
    words: dict[str, int] = {}
    sample = make_sample(0, 2, train=200, dev=60, test=1)
    train, dev = pairs(sample, "train", words), pairs(sample, "dev", words)
    shape = ModelConfig(
        encoder=EncoderConfig(size=24),
        decoder=DecoderConfig(size=48),
        style=LatentConfig(size=STYLE, prior="class_conditional"),
        content=LatentConfig(size=CONTENT, initial_std=0.1),
        embedding_size=24,
    )
    torch.manual_seed(0)
    model = StyleContentVAE(pretrained_config(shape, FIRST_WORD + len(words), BAG, sample.labels, 20))
    model.clamping = ClampingConfig(shared)  # type: ignore[arg-type]
    off = {name: Weight(0.0) for name in ("J_mul_c", "J_adv_s", "J_adv_c")}
    on = {"J_kl_s": Weight(0.01), "J_kl_c": Weight(0.01), "J_mul_s": Weight(1.0), "J_group": Weight(10.0)}
    objectives = ObjectivesConfig(**on, **off)
    recipe = StyleContentRecipe(model, Adversaries(STYLE, CONTENT, 2, BAG), objectives)
    collator = Collator(np.full(FIRST_WORD + len(words), -1, dtype=np.int64), NoiseConfig())
    config = TrainingConfig(batch_size=32, epochs=None, max_steps=STEPS, learning_rate=0.02)
    loader = (BatchLoader if shared is None else GroupLoader)(train, collator, 32, 5)
    Trainer(tiny_accelerator(), recipe, loader, config, Checkpoints(folder)).fit()
    found = np.zeros((len(dev), CONTENT))
    with torch.no_grad():
        for rows, batch in evaluation_batches(dev, collator, 256):
            found[rows] = model.eval().encode(batch.input_ids, batch.attention_mask).content.mean.numpy()
    return found.reshape(-1, 2, CONTENT)


def measured(z: np.ndarray) -> tuple[float, float]:
    """Share of sentences whose nearest in the other style is their counterpart, and distance to it over the mean."""
    distances = ((z[:, None, 0] - z[None, :, 1]) ** 2).sum(-1)
    return float((distances.argmin(1) == np.arange(len(z))).mean()), float(
        distances.diagonal().mean() / distances.mean()
    )


def test_told_pairs_share_their_content_in_unseen_sentences(tmp_path: Path) -> None:
    plain, told = (measured(contents(tmp_path / str(shared), shared)) for shared in (None, "content"))
    assert told[0] > plain[0] + 0.1, "the counterpart is found more often"
    assert told[1] < 0.3 * plain[1], "and lies nearer"
