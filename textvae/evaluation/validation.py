"""What is measured on dev during training: losses, probes, transfers and the score that chooses the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from textvae.data.attributes import labels_of
from textvae.data.batch import Collator
from textvae.data.corpus import Corpus
from textvae.data.loader import evaluation_batches
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.evaluation.config import SelectionConfig
from textvae.evaluation.probes import probe
from textvae.evaluation.selection import DevScores, SelectionScore
from textvae.evaluation.task import Transfer
from textvae.inference.style_transfer import StyleTransfer
from textvae.models.style_content_vae import StyleContentVAE
from textvae.text import TextConfig
from textvae.tokenization.bag_of_words import BagOfWords
from textvae.tokenization.pretrained import token_ids

SAMPLES = 2
BATCH = 256


@dataclass
class Validator:
    """validator(model, step) → {`dev/…`: value}; prints a summary and sample transfers through `say`.

    Its judges (naive Bayes, one an attribute) choose checkpoints and nothing else: reports are made by other judges.
    """

    config: SelectionConfig
    corpus: Corpus
    tokenizer: Any
    bag: BagOfWords
    text: TextConfig
    say: Callable[[str], None]

    @cached_property
    def dev_score(self) -> DevScores:
        """The selection judges, trained once, and the sentences they judge."""
        corpus = self.corpus
        return DevScores.fit(
            (corpus.train["text"], corpus.train["label"]),
            (corpus.dev["text"], corpus.dev["label"]),
            corpus.attributes,
            self.bag.stop_words | self.bag.style_words.words,
            self.config,
        )

    @cached_property
    def dev(self) -> TokenizedCorpus:
        """The sentences to transfer, as ids."""
        inputs = self.dev_score.inputs
        limit = 4 * max(len(text.split()) for text in inputs) + 1
        encoded = token_ids(self.tokenizer, list(inputs))
        return TokenizedCorpus.from_lists([ids[:limit] or [0] for ids in encoded], self.dev_score.labels)

    def __call__(self, model: StyleContentVAE, step: int) -> dict[str, float]:
        """Metrics of a model in eval mode."""
        values = self.losses_and_probes(model)
        strength, outputs, score = self.choose_strength(model)
        model.config.transfer_strength = strength
        values |= {f"dev/{name}": value for name, value in vars(score).items()} | {"dev/strength": strength}
        details = self.dev_score.details(outputs)
        values |= {f"dev/{name}": value for name, value in details.items()}
        self.say(
            f"step {step}  dev: score {score.score:.3f} = accuracy {score.accuracy:.3f} × self-BLEU "
            f"{100 * score.self_bleu:.1f}, copied {score.copy_rate:.3f} at strength {strength:g}; "
            f"J_rec {values['dev/J_rec']:.3f}; style from z_s {values['dev/probe_z_s']:.3f}, "
            f"from z_c {values['dev/probe_z_c']:.3f}"
        )
        if details:
            self.say("  ".join(["  changed and kept:", *(f"{name} {value:.3f}" for name, value in details.items())]))
        for line in self.samples(outputs):
            self.say(line)
        return values

    def choose_strength(self, model: StyleContentVAE) -> tuple[float, list[list[Transfer]], SelectionScore]:
        """The first strength that reaches the accuracy wanted, or the most accurate one; its outputs and score."""
        tried = []
        for strength in self.config.strengths:
            outputs = self.transfers(model, strength)
            tried.append((strength, outputs, self.dev_score(outputs)))
            if tried[-1][2].accuracy >= self.config.accuracy:
                return tried[-1]
        return max(tried, key=lambda found: found[2].accuracy)

    def transfers(self, model: StyleContentVAE, strength: float) -> list[list[Transfer]]:
        """For each attribute every dev sentence in the label after its own, greedily."""
        transfer = StyleTransfer(model, self.tokenizer, self.text)
        return [self.changed(transfer, attribute, strength) for attribute in range(len(self.corpus.attributes))]

    def changed(self, transfer: StyleTransfer, attribute: int, strength: float) -> list[Transfer]:
        """Every dev sentence with one attribute changed."""
        task, attributes = self.dev_score.parts[attribute].task, self.corpus.attributes
        name, labels = attributes.names[attribute], attributes.labels[attribute]
        found: list[Transfer] = []
        for label in range(len(labels)):
            rows = np.flatnonzero(task.input_labels == label).tolist()
            target = (label + 1) % len(labels)
            wanted = {name: labels[target]}
            options = {"strength": strength, "contract": False, "detokenise": False}
            texts = transfer([task.inputs[r] for r in rows], target=wanted, **options)
            found += [Transfer(r, target, text) for r, text in zip(rows, texts, strict=True)]
        return found

    def samples(self, outputs: list[list[Transfer]]) -> list[str]:
        """The first few transfers of each label, to read."""
        names, lines = iter(self.corpus.labels), []
        for labels, transfers in zip(self.corpus.attributes.labels, outputs, strict=True):
            for target in range(len(labels)):
                chosen = [t for t in transfers if t.target == target][:SAMPLES]
                name = next(names)
                lines += [f"  → {name}: {self.dev_score.inputs[t.row]}  ⇒  {t.output}" for t in chosen]
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

    def probes(self, means: dict[str, np.ndarray], labels: np.ndarray) -> dict[str, float]:
        """Style from each space: accuracy on every second sentence, fitted on the others; the mean over attributes."""
        found: dict[str, list[float]] = {name: [] for name in means}
        for attribute in range(len(self.corpus.attributes)):
            y = np.fromiter(labels_of(labels, attribute), np.int64, len(labels))
            for name, z in means.items():
                found[name].append(probe(z[::2], y[::2], z[1::2], y[1::2]).accuracy)
        return {f"dev/probe_{name}": float(np.mean(values)) for name, values in found.items()}
