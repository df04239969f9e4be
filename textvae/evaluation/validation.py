"""What is measured on dev during training: losses, probes, transfers and the score that chooses the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from textvae.data.collate import Collator
from textvae.data.corpus import Corpus
from textvae.data.loader import evaluation_batches
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.probes import probe
from textvae.evaluation.selection import DevScore, SelectionScore
from textvae.evaluation.task import Transfer
from textvae.inference.style_transfer import StyleTransfer
from textvae.models.style_content_vae import StyleContentVAE
from textvae.text import TextConfig
from textvae.tokenization import token_ids
from textvae.tokenization.bag_of_words import BagOfWords

SAMPLES = 2
BATCH = 256


@dataclass
class Validator:
    """validator(model, step) → {`dev/…`: value}; prints a summary and sample transfers through `say`.

    Its judge (naive Bayes) chooses checkpoints and nothing else: reports are made by other judges.
    """

    config: SelectionConfig
    corpus: Corpus
    tokenizer: Any
    bag: BagOfWords
    text: TextConfig
    say: Callable[[str], None]

    @cached_property
    def dev_score(self) -> DevScore:
        """The selection judge, trained once, and the sentences it judges."""
        corpus = self.corpus
        return DevScore.fit(
            zip(corpus.train["text"], corpus.train["label"], strict=True),
            zip(corpus.dev["text"], corpus.dev["label"], strict=True),
            corpus.labels,
            self.bag.stop_words | self.bag.style_words.words,
            self.config,
        )

    @cached_property
    def dev(self) -> TokenizedCorpus:
        """The sentences to transfer, as ids."""
        task = self.dev_score.task
        limit = 4 * max(len(text.split()) for text in task.inputs) + 1
        encoded = token_ids(self.tokenizer, list(task.inputs))
        rows = [(ids[:limit] or [0], int(label)) for ids, label in zip(encoded, task.input_labels, strict=True)]
        return TokenizedCorpus.from_lists([ids for ids, _ in rows], [label for _, label in rows])

    def __call__(self, model: StyleContentVAE, step: int) -> dict[str, float]:
        """Metrics of a model in eval mode."""
        values = self.losses_and_probes(model)
        strength, outputs, score = self.choose_strength(model)
        model.config.transfer_strength = strength
        values |= {f"dev/{name}": value for name, value in vars(score).items()} | {"dev/strength": strength}
        self.say(
            f"step {step}  dev: score {score.score:.3f} = accuracy {score.accuracy:.3f} × self-BLEU "
            f"{100 * score.self_bleu:.1f}, copied {score.copy_rate:.3f} at strength {strength:g}; "
            f"J_rec {values['dev/J_rec']:.3f}; style from z_s {values['dev/probe_z_s']:.3f}, "
            f"from z_c {values['dev/probe_z_c']:.3f}"
        )
        for line in self.samples(outputs):
            self.say(line)
        return values

    def choose_strength(self, model: StyleContentVAE) -> tuple[float, list[Transfer], SelectionScore]:
        """The first strength that reaches the accuracy wanted, or the most accurate one; its outputs and score."""
        tried = []
        for strength in self.config.strengths:
            outputs = self.transfers(model, strength)
            tried.append((strength, outputs, self.dev_score(outputs)))
            if tried[-1][2].accuracy >= self.config.accuracy:
                return tried[-1]
        return max(tried, key=lambda found: found[2].accuracy)

    def transfers(self, model: StyleContentVAE, strength: float) -> list[Transfer]:
        """Every dev sentence in the label after its own, greedily."""
        task, labels = self.dev_score.task, self.corpus.labels
        transfer = StyleTransfer(model, self.tokenizer, self.text)
        found: list[Transfer] = []
        for label in range(len(labels)):
            rows = np.flatnonzero(task.input_labels == label).tolist()
            target = (label + 1) % len(labels)
            texts = transfer([task.inputs[r] for r in rows], target=labels[target], strength=strength, detokenise=False)
            found += [Transfer(r, target, text) for r, text in zip(rows, texts, strict=True)]
        return found

    def samples(self, outputs: list[Transfer]) -> list[str]:
        """The first few transfers of each label, to read."""
        task, labels = self.dev_score.task, self.corpus.labels
        seen = dict.fromkeys(range(len(labels)), 0)
        lines = []
        for index, target, output in outputs:
            if seen[target] < SAMPLES:
                seen[target] += 1
                lines.append(f"  → {labels[target]}: {task.inputs[index]}  ⇒  {output}")
        return lines

    @torch.inference_mode()
    def losses_and_probes(self, model: StyleContentVAE) -> dict[str, float]:
        """J_rec in nats per token and J_kl in nats per sentence from posterior means, and a probe of each
        space.

        The probes learn on one half of the sentences and are measured on the other.
        """
        collator = Collator(self.bag.content_ids, NoiseConfig())
        means: dict[str, list[np.ndarray]] = {"z_s": [], "z_c": []}
        sums, labels, tokens = np.zeros(3), [], 0
        for _, batch in evaluation_batches(self.dev, collator, BATCH):
            batch = batch.to(model.device)
            output = model.reconstruct(batch, sample=False)
            spaces = {"z_s": output.latents.style, "z_c": output.latents.content}
            for name, latent in spaces.items():
                means[name].append(latent.mean.float().cpu().numpy())
            terms = (output.token_nll, *(latent.penalty for latent in spaces.values()))
            sums += [float(t.sum()) for t in terms]
            labels.append(batch.style.cpu().numpy())
            tokens += batch.num_tokens
        values = {
            "dev/J_rec": sums[0] / tokens,
            "dev/J_kl_s": sums[1] / len(self.dev),
            "dev/J_kl_c": sums[2] / len(self.dev),
        }
        return values | self.probes({name: np.concatenate(m) for name, m in means.items()}, np.concatenate(labels))

    @staticmethod
    def probes(means: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
        """Style from each space: accuracy on every second sentence after fitting on the others."""
        return {
            f"dev/probe_{name}": probe(z[::2], labels[::2], z[1::2], labels[1::2]).accuracy for name, z in means.items()
        }
