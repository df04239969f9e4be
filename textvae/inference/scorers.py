"""What ranks candidates: a style classifier, a language model and the weights of a score, stored beside a model.

MODEL/scorers/guide.{json,safetensors}           a `StyleGuide` over the model's vocabulary and labels
MODEL/scorers/language_model.{json,safetensors}  a `RecurrentLanguageModel` of its training sentences
MODEL/scorers/phrases.safetensors                what stood between two words (`phrase_table.py`)
MODEL/scorers/reranking.json                     how candidates are made and weighed

They guide, so the judges that report must be others, and are (`textvae.evaluation.judges`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from textvae.data.attributes import Attributes
from textvae.errors import UserError
from textvae.files import atomic_write, write_json
from textvae.modules.config import LanguageModelConfig, StyleGuideConfig
from textvae.modules.language_model import RecurrentLanguageModel
from textvae.modules.noise import exact
from textvae.modules.style_guide import StyleGuide
from textvae.tokenization.config import SPECIAL

FOLDER = "scorers"
"""Its name inside a model folder."""

COMMAND = "textvae fit-scorers RUN"
"""What makes them; it stands in messages."""


@dataclass(frozen=True)
class RerankingWeights:
    """score = Σ weight · part, for a candidate y of an input x: style, content and fluency; `against`, `longer` and
    `copy` are taken away.
    """

    style: float = 1.0
    """log σ(logit p(target | y) − margin) by the style guide, nats (`Reranking.margin`); of several attributes the sum,
    those that are kept included."""
    against: float = 0.5
    """Taken away: words of y that, alone, speak for another style (`Scorers.leanings`). The guide is convinced by half
    a sentence ("the food was horrible and the staff is helpful")."""
    content: float = 1.0
    """Cosine of the posterior means of z_c of x and y."""
    overlap: float = 1.0
    """Shared words and word pairs of x and y, style words left out (Dice coefficient, 0-1)."""
    kept: float = 1.0
    """Runs of one to four words that x and y share, style words included (Dice coefficient, 0-1): what self-BLEU
    counts, so the fewest changes."""
    longer: float = 2.0
    """Taken away: by what share y has more words than x. What a style classifier is most easily swayed by is a word put
    before a sentence that is otherwise left alone."""
    fluency: float = 0.2
    """log p(y) per token by the language model, nats."""
    model: float = 0.2
    """log p(y | z) / T ** length_penalty by the model that transfers, nats: what ranks without reranking. Unless it is
    0 it costs a pass of the model over all that no search found."""
    copy: float = 30.0
    """Taken away where y is x: so much that a copy is the last resort."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not math.isfinite(value):
                raise UserError(f"reranking: the weight {name} must be a number, not {value}")


@dataclass(frozen=True)
class Reranking:
    """How candidates are made and ranked where nobody says otherwise."""

    weights: RerankingWeights = field(default_factory=RerankingWeights)
    candidates: int = 12
    """Candidates per sentence, divided over the strengths."""
    strengths: tuple[float, ...] = (0.7, 1.1)
    """Multiples of the strength of transfer at which they are written."""
    blanks: bool = True
    """Half of the candidates are made by filling the blanks of the sentence without its style words (models with
    `memory.translate`, which otherwise look at the whole sentence)."""
    undo: bool = True
    """Rank what lies between the input and each candidate too: with one of its changes undone, or one of them alone."""
    phrases: int = 0
    """Rank so many changes of one phrase too, those that sentences of the style wanted make likeliest
    (`phrase_table.py`); then half as many of each of the three best sentences so far. 0: none."""
    rounds: int = 2
    """Times that phrases are changed: at most so many changes come together."""
    margin: float = 1.5
    """By how many nats the log-odds of the style are to be beyond even: a guide that is barely convinced convinces no
    other reader. 0: log p itself. At 4 only the strongest words are left ("terrible", "delicious")."""
    diversity: float = 2.0
    """Taken from a further candidate's score times its likeness (0-1) to those before it."""

    def __post_init__(self) -> None:
        if self.candidates < 1 or not self.strengths:
            raise UserError("reranking: at least one candidate and one strength")
        if min(self.phrases, self.rounds) < 0:
            raise UserError("reranking: phrases and rounds are 0 or more")
        if not all(map(math.isfinite, (*self.strengths, self.margin, self.diversity))):
            raise UserError("reranking: strengths, margin and diversity must be numbers")

    @classmethod
    def with_phrases(cls) -> Reranking:
        """With changes of phrases a few candidates of the model are enough: on Yelp four are as good as twelve.

        The changes are many, and the model's own score of each would take a fifth of the time.
        """
        return cls(replace(RerankingWeights(), model=0.0), candidates=4, strengths=(1.0,), phrases=16)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Reranking:
        """What `asdict` gave, read back from JSON. What is not in an older file was not done when it was written."""
        value = {"undo": False, "phrases": 0, "margin": 0.0, **value}
        strengths = tuple(float(x) for x in value["strengths"])
        weights = RerankingWeights(**{"against": 0.0, "kept": 0.0, "longer": 0.0, **value["weights"]})
        return cls(**{**value, "weights": weights, "strengths": strengths})


def complement(log_probs: Tensor) -> Tensor:
    """log(1 − p) of log p, finite where p is 1."""
    return (-torch.expm1(log_probs.clamp(max=-1e-7))).log()


class Scorers(nn.Module):
    """Style and fluency of sentences, ids (N, L) that end in `</s>` with their mask (N, L)."""

    def __init__(
        self,
        guide: StyleGuide,
        language_model: RecurrentLanguageModel,
        reranking: Reranking | None = None,
    ):
        super().__init__()
        self.guide, self.language_model = guide, language_model
        self.reranking = reranking or Reranking()
        self.eval()

    def style(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """log p(label) among those of its attribute, (N, S) nats. The guide reads `</s>` too, as it did when it
        learnt.
        """
        return self.guide.log_probs(tokens, mask)

    @cached_property
    def leanings(self) -> Tensor:
        """(V, S) by how many nats a word alone changes the log-odds of each label from those without a word; 0 for
        special tokens.

        Cost: once 0.1 seconds for 10,000 words.
        """
        words = torch.arange(self.guide.embedding.num_embeddings, device=self.guide.output.weight.device)
        alone = torch.stack((words, torch.full_like(words, SPECIAL.eos)), dim=1)
        with torch.no_grad():
            alone, none = (self.style(x, torch.ones_like(x, dtype=torch.bool)) for x in (alone, alone[:1, 1:]))
        found = (alone - complement(alone)) - (none - complement(none))
        found[[*vars(SPECIAL).values()]] = 0.0
        return found

    def fluency(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """log p per token, `</s>` included, (N,) nats."""
        return exact(self.language_model.log_prob(tokens, mask)).sum(1) / mask.sum(1).clamp(min=1)

    def save(self, folder: Path, labels: Attributes | Sequence[str], half: bool = False) -> None:
        """Write everything into `folder`; half: weights in 16 bits."""
        save_guide(folder, self.guide, labels, half)
        save_language_model(folder, self.language_model, half)
        save_reranking(folder, self.reranking)

    @classmethod
    def load(cls, folder: Path, vocab_size: int, labels: Attributes | Sequence[str]) -> Scorers:
        """Read `folder`; UserError where a part is missing, damaged, or of another vocabulary or other labels."""
        guide = load_guide(folder, vocab_size, labels)
        return cls(guide, load_language_model(folder, vocab_size), load_reranking(folder))


# ---------------------------------------------------------------------------------------------- parts in files
def save_guide(folder: Path, guide: StyleGuide, labels: Attributes | Sequence[str], half: bool = False) -> None:
    """A trained guide; the outputs are the labels of the one attribute, or of all attributes, in their order."""
    names = list(Attributes.of(labels).label_names)
    facts = {"config": asdict(guide.config), "vocab_size": guide.embedding.num_embeddings, "labels": names}
    save_network(folder, "guide", guide, facts, half)


def save_language_model(folder: Path, model: RecurrentLanguageModel, half: bool = False) -> None:
    """A trained language model."""
    facts = {"config": asdict(model.config), "vocab_size": model.embedding.num_embeddings}
    save_network(folder, "language_model", model, facts, half)


def save_reranking(folder: Path, reranking: Reranking) -> None:
    """Weights and the making of candidates."""
    write_json(folder / "reranking.json", asdict(reranking))


def load_guide(folder: Path, vocab_size: int, labels: Attributes | Sequence[str]) -> StyleGuide:
    """UserError as of `Scorers.load`."""
    attributes = Attributes.of(labels)

    def build(facts: dict[str, Any]) -> StyleGuide:
        known, wanted = list(facts["labels"]), list(attributes.label_names)
        if known != wanted:
            raise UserError(f"{folder} knows the labels {known}, the model {wanted}: run {COMMAND}")
        return StyleGuide(StyleGuideConfig(**facts["config"]), vocab_size, attributes.sizes)

    return load_network(folder, "guide", vocab_size, build)


def load_language_model(folder: Path, vocab_size: int) -> RecurrentLanguageModel:
    """UserError as of `Scorers.load`."""
    return load_network(
        folder,
        "language_model",
        vocab_size,
        lambda facts: RecurrentLanguageModel(LanguageModelConfig(**facts["config"]), vocab_size),
    )


def load_reranking(folder: Path) -> Reranking:
    """UserError where the file is missing or damaged."""
    return guarded(folder, lambda: Reranking.from_dict(read_json(folder / "reranking.json")))


def save_network(folder: Path, name: str, network: nn.Module, facts: dict[str, Any], half: bool) -> None:
    """NAME.safetensors and NAME.json."""
    tensors = {
        key: (tensor.half() if half and tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for key, tensor in network.state_dict().items()
    }
    with atomic_write(folder / f"{name}.safetensors", binary=True) as handle:
        handle.write(save(tensors, metadata={"format": "pt"}))
    write_json(folder / f"{name}.json", facts)


Network = TypeVar("Network", bound=nn.Module)
Value = TypeVar("Value")


def load_network(folder: Path, name: str, vocab_size: int, build: Callable[[dict[str, Any]], Network]) -> Network:
    """What `save_network` wrote, in fp32 and eval mode."""

    def read() -> Network:
        facts = read_json(folder / f"{name}.json")
        if facts["vocab_size"] != vocab_size:
            raise UserError(f"{folder / name} is for {facts['vocab_size']} words, the model has {vocab_size}")
        network = build(facts)
        network.load_state_dict({k: t.float() for k, t in load_file(folder / f"{name}.safetensors").items()})
        if not all(bool(p.isfinite().all()) for p in network.parameters()):
            raise ValueError(f"{name}.safetensors has weights that are NaN or infinite")
        return network.eval()

    with torch.random.fork_rng(devices=[]):  # building draws initial weights, which must not move people's seeds
        return guarded(folder, read)


def guarded(folder: Path, read: Callable[[], Value]) -> Value:
    """`read()`, what goes wrong told as a UserError."""
    try:
        return read()
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or folder} is not there; {COMMAND} makes what reranking needs") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{folder} cannot be read, it is damaged or of another version: {error}") from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
