"""Shared by the tests of networks, objectives and training: tiny models of every combination and tiny data.

A law is a property that every class of a family has. The tests run over the dicts ENCODERS, DECODERS, LATENTS, OUTPUTS,
SCHEDULES and OBJECTIVES, so a class that is added there is covered without a new test. Sizes are all different, so that
two swapped dimensions cannot pass, and arithmetic is float64, so that "equal" means 1e-12.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, get_args

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from textvae.checkpoint import Checkpoint, Checkpoints
from textvae.data.attributes import Attributes
from textvae.data.batch import Batch, Collator
from textvae.data.loader import BatchLoader, GroupLoader
from textvae.data.noise import NoiseConfig
from textvae.data.tokenized import TokenizedCorpus
from textvae.models.adversaries import Adversaries
from textvae.models.configuration import ModelConfig, StyleContentVAEConfig, pretrained_config
from textvae.models.style_content_vae import StyleContentVAE
from textvae.modules.config import (
    AdversaryKind,
    BlanksConfig,
    ClampingConfig,
    DecoderConfig,
    EncoderConfig,
    LanguageModelConfig,
    LatentConfig,
    MemoryConfig,
    StyleGuideConfig,
)
from textvae.modules.decoders import DECODERS
from textvae.modules.encoders import ENCODERS
from textvae.modules.latents import LATENTS
from textvae.modules.noise import NoiseKey
from textvae.objectives.config import ObjectivesConfig, Weight
from textvae.objectives.style_content import GROUP_OBJECTIVES, MEMORY_OBJECTIVES, OBJECTIVES, PRIOR_OBJECTIVES, Outputs
from textvae.objectives.transfer import TRANSFER_OBJECTIVES
from textvae.training.config import PriorGameConfig, TrainingConfig, TransferTrainingConfig
from textvae.training.perception import Perception, exemplars
from textvae.training.progress import Reporter, SilentReporter
from textvae.training.style_content import StyleContentRecipe
from textvae.training.trainer import Trainer
from textvae.training.transfer import TransferRecipe

torch.set_num_threads(1)

PAD, BOS, EOS, UNK, MASK, FIRST_WORD = 0, 1, 2, 3, 4, 5
LABELS = ("negative", "neutral", "positive")
TWO = {"sentiment": LABELS, "tense": ("past", "present")}
"""Labels of a style with two attributes."""
every_number_of_attributes = pytest.mark.parametrize("labels", [LABELS, TWO], ids=["one", "two"])
VOCABULARY, BAG, LONGEST = 37, 11, 7
STYLE_WORDS = (8, 21, 30)
"""Tokens that `hide_style_words` keeps from z_c; with `style_word_kinds` the first two are of one kind."""
STYLE_SIZE, CONTENT_SIZE = 3, 5
FEW: dict[str, Any] = {"codebook": 11, "flow_size": 6, "transforms": 2}
"""Options of the latents that have codes or flows: few of each."""
ADVERSARY_KINDS: tuple[AdversaryKind, ...] = get_args(AdversaryKind)
OWN_ENCODERS, OWN_DECODERS = sorted(set(ENCODERS) - {"pretrained"}), sorted(set(DECODERS) - {"pretrained"})
"""Without networks that are read from elsewhere, whose laws are in tests/models/test_pretrained.py."""
PAIRS = [(encoder, decoder) for encoder in OWN_ENCODERS for decoder in OWN_DECODERS]
"""Every encoder with every decoder."""
DIAGONAL = [(OWN_ENCODERS[i % len(OWN_ENCODERS)], d) for i, d in enumerate(OWN_DECODERS)] + [
    (e, OWN_DECODERS[(i + 1) % len(OWN_DECODERS)]) for i, e in enumerate(OWN_ENCODERS)
]
"""A few pairs in which every encoder and every decoder occurs, where all pairs would take too long."""


# ---------------------------------------------------------------------------------------------- networks
def model_config(
    encoder: str = "gru",
    decoder: str = "gru",
    latent: str = "gaussian",
    prior: str = "class_conditional",
    output: str = "full",
    dropout: float = 0.0,
    layers: int = 2,
    erase: bool = False,
    nearness: float = 0.0,
    places: int = 0,
    **options: Any,
) -> ModelConfig:
    """Two layers of a few units. Both spaces have the same kind; only the style space has `prior`."""
    return ModelConfig(
        encoder=EncoderConfig(encoder, size=8, layers=layers, heads=2, dropout=dropout, places=places),  # type: ignore[arg-type]
        decoder=DecoderConfig(
            decoder, size=12, layers=layers, heads=2, dropout=dropout, nearness=nearness, places=places
        ),  # type: ignore[arg-type]
        style=LatentConfig(kind=latent, size=STYLE_SIZE, slots=STYLE_SIZE, prior=prior, **FEW),  # type: ignore[arg-type]
        content=LatentConfig(kind=latent, size=CONTENT_SIZE, slots=CONTENT_SIZE, erase_labels=erase, **FEW),  # type: ignore[arg-type]
        embedding_size=6,
        embedding_dropout=dropout,
        output=output,  # type: ignore[arg-type]
        **options,
    )


def loose(kind: str = "full", decoder: str = "gru") -> dict[str, Any]:
    """Options of a model whose blanks stand for any number of words, and that looks at the sentence in a transfer."""
    recurrent = decoder in ("gru", "lstm")
    memory = MemoryConfig(kind=kind, window=3, translate=True)  # type: ignore[arg-type]
    blanks, nearness = BlanksConfig(True, 0.4, 0.3), 1.0 if kind == "full" and recurrent else 0.0
    return {"hide_style_words": True, "blanks": blanks, "memory": memory, "nearness": nearness}


Labels = tuple[str, ...] | dict[str, tuple[str, ...]]


def tiny_config(vocabulary: int = VOCABULARY, labels: Labels = LABELS, **options: Any) -> StyleContentVAEConfig:
    """What `save_pretrained` would write for `model_config(**options)`."""
    return pretrained_config(model_config(**options), vocabulary, BAG, labels, LONGEST + 2)


def tiny_model(seed: int = 0, dtype: torch.dtype = torch.float64, **options: Any) -> StyleContentVAE:
    """A model in eval mode."""
    torch.manual_seed(seed)
    model = StyleContentVAE(tiny_config(**options)).to(dtype).eval()
    kinds = torch.zeros(model.config.vocab_size, dtype=torch.long)
    kinds[list(STYLE_WORDS)] = torch.tensor([1, 1, 2])
    model.set_style_tokens(list(STYLE_WORDS), kinds)
    return model


def tiny_networks(
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    adversary: AdversaryKind = "linear",
    clamping: ClampingConfig | None = None,
    **options: Any,
) -> tuple[StyleContentVAE, Adversaries]:
    """A model in training mode and its adversaries; clamping: what its batches of groups share."""
    model = tiny_model(seed, dtype, **options)
    model.clamping = clamping or ClampingConfig()
    memory = model.vector_size if model.sentence_memory is not None else 0
    style, sizes = model.style_latent.size, model.groups.sizes
    adversaries = Adversaries(style, CONTENT_SIZE, sizes, BAG, adversary, hidden=9, memory_size=memory)
    adversaries = adversaries.to(dtype)
    if adversary == "discriminant":  # it solves in fp32 whatever the model computes in
        adversaries.style_from_content.float()
    return model.train(), adversaries


# ---------------------------------------------------------------------------------------------- data
def content_ids(vocabulary: int = VOCABULARY) -> np.ndarray:
    """Bag-of-words rows of a vocabulary: the last BAG words are content."""
    rows = np.full(vocabulary, -1, dtype=np.int64)
    rows[-BAG:] = np.arange(BAG)
    return rows


def tiny_corpus(
    size: int = 24,
    seed: int = 0,
    longest: int = LONGEST,
    vocabulary: int = VOCABULARY,
    labels: Labels = LABELS,
    grouped: bool = False,
) -> TokenizedCorpus:
    """Random sentences of 1 … `longest` words with random labels; grouped: but for the first three in groups of 3."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, longest + 1, size)
    sentences = [rng.integers(FIRST_WORD, vocabulary, n).tolist() for n in lengths]
    numbers = [rng.integers(0, count, size) for count in Attributes.of(labels).sizes]
    groups = [i // 3 for i in range(size)] if grouped else None
    return TokenizedCorpus.from_lists(sentences, np.stack(numbers, 1) if len(numbers) > 1 else numbers[0], groups)


def tiny_collator(noise: NoiseConfig | None = None, vocabulary: int = VOCABULARY) -> Collator:
    """The collator of `content_ids`."""
    return Collator(content_ids(vocabulary), noise or NoiseConfig())


def tiny_batch(size: int = 6, seed: int = 0, **options: Any) -> Batch:
    """A padded batch of random sentences, with a place in the noise."""
    corpus = tiny_corpus(size, seed, **options)
    batch = tiny_collator(vocabulary=options.get("vocabulary", VOCABULARY))(corpus, np.arange(size))
    return replace(batch, key=NoiseKey(11, 0, size))


def each_alone(size: int = 6, seed: int = 0, **options: Any) -> Iterator[tuple[int, Batch]]:
    """The rows of `tiny_batch`, each as a batch of its own width, in its place of the noise."""
    corpus = tiny_corpus(size, seed, **options)
    for row in range(size):
        batch = tiny_collator(vocabulary=options.get("vocabulary", VOCABULARY))(corpus, np.array([row]))
        yield row, replace(batch, key=NoiseKey(11, row, size))


# ---------------------------------------------------------------------------------------------- objectives
def outputs_of(model: StyleContentVAE, adversaries: Adversaries, batch: Batch, sample: bool = True) -> Outputs:
    """Everything the objectives read, with all gradients attached."""
    output = model(batch=batch, sample=sample)
    latents = output.latents
    return Outputs(batch, output, adversaries(latents.style.value, latents.content.value, latents.memory))


def per_sentence(outputs: Outputs) -> dict[str, Tensor]:
    """Every objective, summed over tokens: (B,)."""
    remembered = outputs.model.latents.remembered
    objectives = dict(OBJECTIVES)
    if remembered is not None:
        scrubbed = remembered.logits is not None
        objectives |= {n: f for n, f in MEMORY_OBJECTIVES.items() if scrubbed or n != "J_mul_m"}
    return {n: v.sum(1) if v.dim() == 2 else v for n, v in ((n, f(outputs)) for n, f in objectives.items())}


def all_objectives(weight: float = 0.5, **weights: Weight) -> ObjectivesConfig:
    """Every objective switched on with the same weight, so that none can hide."""
    names = (*OBJECTIVES, *MEMORY_OBJECTIVES, *GROUP_OBJECTIVES, *PRIOR_OBJECTIVES)
    return ObjectivesConfig(**{name: weights.get(name, Weight(weight)) for name in names})


# ---------------------------------------------------------------------------------------------- training
def tiny_accelerator(precision: str = "no") -> Accelerator:
    """A fresh accelerator on the CPU, whatever a test before has left behind."""
    AcceleratorState._reset_state(True)
    return Accelerator(cpu=True, mixed_precision=precision)


def share_of(accelerator: Accelerator) -> dict[str, int]:
    """Options of a loader for this process."""
    return {"rank": accelerator.process_index, "world_size": accelerator.num_processes}


def tiny_loader(
    corpus: TokenizedCorpus, batch_size: int = 8, noise: NoiseConfig | None = None, **options: Any
) -> BatchLoader:
    """Batches of a corpus, for process `rank` of `world_size`; of groups too where it has any."""
    loader = BatchLoader if corpus.groups is None else GroupLoader
    return loader(corpus, tiny_collator(noise), batch_size, **{"seed": 5, **options})


def tiny_trainer(
    folder: Path,
    accelerator: Accelerator | None = None,
    corpus_size: int = 27,
    noise: NoiseConfig | None = None,
    networks: dict[str, Any] | None = None,
    objectives: ObjectivesConfig | None = None,
    transfer: TransferTrainingConfig | None = None,
    validate: Callable[[int], dict[str, float]] | None = None,
    save_best: Callable[[int, dict[str, float]], None] = lambda step, metrics: None,
    reporter: Reporter | None = None,
    **training: Any,
) -> Trainer:
    """A trainer of new networks, always with the same initial weights: 27 sentences are 4 steps of 8, the last of 3."""
    accelerator = accelerator or tiny_accelerator()
    config = TrainingConfig(**{"batch_size": 8, "epochs": 2, "log_every": 1, "seed": 5, **training})
    model, adversaries = tiny_networks(**(networks or {}))
    loader = tiny_loader(
        tiny_corpus(
            corpus_size, labels=(networks or {}).get("labels", LABELS), grouped=model.clamping.shared is not None
        ),
        config.batch_size,
        noise,
        **share_of(accelerator),
    )
    objectives, updates = objectives or all_objectives(), config.adversary_updates
    if transfer is not None:
        recipe: StyleContentRecipe = tiny_transfer_recipe(model, adversaries, objectives, transfer, updates)
    else:
        recipe = tiny_recipe(model, adversaries, objectives, updates)
    checkpoints = Checkpoints(folder, config.keep_checkpoints)
    return Trainer(accelerator, recipe, loader, config, checkpoints, validate, save_best, reporter or SilentReporter())


def tiny_recipe(
    model: StyleContentVAE,
    adversaries: Adversaries,
    objectives: ObjectivesConfig | None = None,
    updates: int = 1,
    game: PriorGameConfig | None = None,
) -> StyleContentRecipe:
    """The paper's recipe, with critics of fixed initial weights where a prior is adversarial."""
    torch.manual_seed(7)
    game = game or PriorGameConfig(hidden=7, updates=2)
    return in_its_precision(StyleContentRecipe(model, adversaries, objectives or all_objectives(), updates, game))


R = TypeVar("R", bound=StyleContentRecipe)


def in_its_precision(recipe: R) -> R:
    """Networks that the recipe made itself, in the precision of its model."""
    for name, module in recipe.modules.items():
        if name not in ("model", "adversaries"):
            module.to(recipe.model.style_vectors.dtype)
    return recipe


def tiny_transfer(**options: Any) -> TransferTrainingConfig:
    """Transfers from the second step on, watched by networks without dropout, which no two processes draw alike."""
    guide = StyleGuideConfig(embedding_size=5, size=4, dropout=0.0, word_dropout=0.0)
    language_model = LanguageModelConfig("gru", embedding_size=5, size=4, dropout=0.0)
    return TransferTrainingConfig(**{"start": 1, "guide": guide, "language_model": language_model, **options})


def tiny_transfer_recipe(
    model: StyleContentVAE,
    adversaries: Adversaries,
    objectives: ObjectivesConfig,
    transfer: TransferTrainingConfig,
    updates: int = 1,
) -> TransferRecipe:
    """A recipe with watchers of fixed initial weights, in the model's precision."""
    torch.manual_seed(7)
    labels: Labels = model.attributes.by_name() if len(model.attributes) > 1 else LABELS
    perception = Perception(exemplars(tiny_corpus(30, seed=3, labels=labels), model.groups.sizes, 4))
    game = PriorGameConfig(hidden=7, updates=2)
    return in_its_precision(TransferRecipe(model, adversaries, objectives, transfer, updates, perception, game))


def transfer_objectives(weight: float = 0.5) -> ObjectivesConfig:
    """Every objective with the same weight, those on transfers too."""
    names = (*OBJECTIVES, *MEMORY_OBJECTIVES, *GROUP_OBJECTIVES, *PRIOR_OBJECTIVES, *TRANSFER_OBJECTIVES)
    return ObjectivesConfig(**{name: Weight(weight) for name in names})


class Crash(Exception):
    """The power is gone."""


@dataclass
class Interrupted:
    """A loader that crashes, or sends its own process a signal, when it gives its batch `at`."""

    loader: BatchLoader
    at: int
    signal: int | None = None
    given: int = 0

    @property
    def steps_per_epoch(self) -> int:
        return self.loader.steps_per_epoch

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        for batch in self.loader.epoch(epoch, first):
            if self.given == self.at:
                if self.signal is None:
                    raise Crash
                os.kill(os.getpid(), self.signal)
            self.given += 1
            yield batch


def resumed_after_a_crash(
    folder: Path, at: int, networks: dict[str, Any], **options: Any
) -> tuple[Trainer, Checkpoint]:
    """A `tiny_trainer` that crashed at batch `at` and was continued to its end by another one, and where it began."""
    crashed = tiny_trainer(folder, networks=networks, **options)
    crashed.loader = Interrupted(crashed.loader, at)  # type: ignore[arg-type]
    with pytest.raises(Crash):
        crashed.fit()
    resumed = tiny_trainer(folder, networks={**networks, "seed": 99}, **options)
    torch.manual_seed(12345)
    checkpoint = resumed.checkpoints.latest()
    assert checkpoint is not None
    resumed.restore(checkpoint)
    resumed.fit()
    return resumed, checkpoint


def progress_of(trainer: Trainer) -> dict[str, Any]:
    """How far it is; the seconds, which no two runs share, left out."""
    return {name: value for name, value in vars(trainer.progress).items() if name != "seconds"}


def weights_of(trainer: Trainer) -> dict[str, Tensor]:
    """A copy of all weights and optimizer states by name."""
    snapshot = trainer.snapshot()
    return {f"{file}/{name}": t.clone() for file, ts in snapshot.tensors.items() for name, t in ts.items()}


def seeds_of(trainer: Trainer) -> list[int]:
    """A list that fills with the seed of torch's generator at every step."""
    step, seeds = trainer.stepper.step, []

    def noted(*arguments: Any) -> dict[str, Tensor]:
        seeds.append(torch.initial_seed())
        return step(*arguments)

    object.__setattr__(trainer.stepper, "step", noted)
    return seeds


def parameters_of(modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """A copy of all parameters by `module.parameter`."""
    return {f"{m}.{n}": p.detach().clone() for m, module in modules.items() for n, p in module.named_parameters()}


# ---------------------------------------------------------------------------------------------- comparing
def assert_close(actual: Tensor, expected: Tensor, tolerance: float = 1e-9, what: str = "") -> None:
    """Equal shapes, and values within an absolute and relative tolerance."""
    assert actual.shape == expected.shape, f"{what}: {tuple(actual.shape)} is not {tuple(expected.shape)}"
    torch.testing.assert_close(
        actual.double(), expected.double(), rtol=tolerance, atol=tolerance, msg=lambda m: f"{what}: {m}"
    )


def assert_same_bits(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """The same names, and the same values bit for bit."""
    assert actual.keys() == expected.keys()
    different = [name for name in expected if not torch.equal(actual[name], expected[name])]
    assert not different, f"{len(different)} of {len(expected)} tensors differ: {different[:5]}"


def latent_kinds() -> list[tuple[str, str]]:
    """Every latent with every prior."""
    return [(kind, prior) for kind in sorted(LATENTS) for prior in ("standard", "class_conditional")]


COMPARING = ("mmd", "infomax", "batch_norm")
"""Latents that set the sentences of a micro-batch beside each other in training, by definition: what they decode does
not depend on the batch in evaluation (tests/models/test_sentence_vae.py), their penalty or statistics do."""


def separate_latent_kinds() -> list[tuple[str, str]]:
    """Every latent whose terms are of one sentence alone, with every prior."""
    return [(kind, prior) for kind, prior in latent_kinds() if kind not in COMPARING]
