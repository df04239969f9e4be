"""The judge of acceptance that reports: beside all that the small one hears, a pretrained language model's and a
sentence encoder's reading. What guides candidates never sees those two, so that pleasing it is not yet pleasing this.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from textvae.errors import UserError
from textvae.files import write_json
from textvae.inference.acceptance import NAME, AcceptanceJudge
from textvae.inference.rewriting_features import normalised, seam_scores
from textvae.models.saved import silent
from textvae.text import detokenise

PARTS = f"{NAME}_parts.json"
"""Beside the judge: which pretrained parts it needs."""
READ = tuple(f"pretrained_{name}" for name in ("mean", "change", "change_sum", "seam_least", "seam_mean", "seam_sum"))
EXTRA = (*READ, "cosine")
"""Features of the pretrained parts."""
JOINED = frozenset((".", ",", "!", "?", ";", ":", "n't", "'s", "'m", "'d", "'re", "'ve", "'ll", ")", "..."))
"""Words written without a space before them."""


def part(name: str, what: str, build: Callable[..., Any]) -> tuple[Any, Any]:
    """Tokenizer and network of a folder or a name of the hub; no code of a checkpoint runs. UserError where missing."""
    from transformers import AutoTokenizer

    try:
        with silent():
            network = build(name, dtype=torch.float32, trust_remote_code=False, use_safetensors=True)
            return AutoTokenizer.from_pretrained(name, trust_remote_code=False), network.eval()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(
            f"the {what} {name!r} of the judge cannot be loaded ({reason}); name a folder that has it"
        ) from error


class PretrainedReading:
    """Log-likelihoods of words and vectors of sentences, each sentence read once."""

    def __init__(self, language_model: str, encoder: str, batch_size: int = 16) -> None:
        from transformers import AutoModel, AutoModelForCausalLM

        self.names = {"language_model": language_model, "encoder": encoder}
        self.lm_tokens, self.lm = part(language_model, "language model", AutoModelForCausalLM.from_pretrained)
        self.encoder_tokens, self.encoder = part(encoder, "sentence encoder", AutoModel.from_pretrained)
        self.batch_size = batch_size
        self.found: dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]] = {}

    def __call__(self, sentences: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[np.ndarray, np.ndarray]]:
        """Sentence of n words -> log p of each and of the end (n + 1,) nats, and its vector (D,) of length 1."""
        new = sorted({*sentences} - self.found.keys(), key=lambda words: (len(words), words))
        for start in range(0, len(new), self.batch_size):
            chunk = new[start : start + self.batch_size]
            for words, scores, vector in zip(chunk, self.likelihoods(chunk), self.vectors(chunk), strict=True):
                self.found[words] = (scores, vector)
        return self.found

    @torch.inference_mode()
    def likelihoods(self, chunk: Sequence[tuple[str, ...]]) -> list[np.ndarray]:
        """log p of the pieces of a word, summed, given all before it."""
        begin = self.lm_tokens.bos_token_id if self.lm_tokens.bos_token_id is not None else self.lm_tokens.eos_token_id
        rows, owners = [], []
        for words in chunk:
            pieces = [self.pieces(word, place == 0) for place, word in enumerate(words)]
            rows.append([begin, *(piece for word in pieces for piece in word), self.lm_tokens.eos_token_id])
            owners.append(np.repeat(np.arange(len(words) + 1), [*map(len, pieces), 1]))
        width = max(map(len, rows))
        ids = torch.tensor([row + [begin] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        logits = self.lm(input_ids=ids, attention_mask=mask).logits[:, :-1]
        scores = -F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none").double().numpy()
        lengths = [len(words) + 1 for words in chunk]
        return [np.bincount(o, s[: len(o)], n) for o, s, n in zip(owners, scores, lengths, strict=True)]

    def pieces(self, word: str, first: bool) -> list[int]:
        """Of a word with the space before it, if it is written with one."""
        text = "10" if word == "_num_" else word
        return self.lm_tokens.encode(text if first or word in JOINED else f" {text}", add_special_tokens=False) or [0]

    @torch.inference_mode()
    def vectors(self, chunk: Sequence[tuple[str, ...]]) -> np.ndarray:
        """Mean of the last states, as sentence encoders of this kind are trained, (N, D)."""
        texts = [detokenise(" ".join(words)).replace("_num_", "10") for words in chunk]
        batch = self.encoder_tokens(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        states = self.encoder(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        return F.normalize((states * mask).sum(1) / mask.sum(1).clamp(min=1), dim=-1).double().numpy()


class ReportingJudge(AcceptanceJudge):
    """An `AcceptanceJudge` with the features `EXTRA` behind its own."""

    reading: PretrainedReading

    @classmethod
    def of(cls, judge: AcceptanceJudge, reading: PretrainedReading) -> ReportingJudge:
        """The parts of a small judge, without its classifier, beside pretrained ones."""
        found = cls(judge.reader, judge.language_model, judge.lexicon, judge.labels)
        found.reading = reading
        return found

    def features(self, sources: Sequence[str], outputs: Sequence[str], targets: Sequence[str | int]) -> np.ndarray:
        """(N, len(FEATURES) + len(EXTRA))."""
        own = super().features(sources, outputs, targets)
        pairs = [(tuple(normalised(x)), tuple(normalised(y))) for x, y in zip(sources, outputs, strict=True)]
        read = self.reading([words for pair in pairs for words in pair])
        rows = [
            [*seam_scores(x, y, read[x][0], read[y][0]), float(read[x][1] @ read[y][1])] for x, y in pairs
        ]  # fmt: skip
        return np.hstack([own, np.array(rows).reshape(len(rows), len(EXTRA))])

    def save(self, folder: Path) -> None:
        """As of the small judge, and the names of the pretrained parts."""
        super().save(folder)
        write_json(folder / PARTS, self.reading.names)

    @classmethod
    def load(cls, folder: Path, **names: str) -> ReportingJudge:
        """What `save` wrote; names: language_model or encoder, where a part lies elsewhere now."""
        small = AcceptanceJudge.load(folder)
        try:
            known = json.loads((Path(folder) / PARTS).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{Path(folder) / PARTS} cannot be read ({error})") from error
        judge = cls.of(small, PretrainedReading(**{**known, **names}))
        judge.classifier, judge.threshold, judge.facts = small.classifier, small.threshold, small.facts
        return judge


def load_judge(folder: Path) -> AcceptanceJudge:
    """The judge of a folder, with pretrained parts if it was fitted with them."""
    return (ReportingJudge if (Path(folder) / PARTS).is_file() else AcceptanceJudge).load(Path(folder))
