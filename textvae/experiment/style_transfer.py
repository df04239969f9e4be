"""A style transfer put together from its configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed

from textvae.config.style_transfer import ExperimentConfig
from textvae.data.loader import BatchLoader, GroupLoader
from textvae.data.stored import FILE as STORED
from textvae.data.stored import stored_corpus
from textvae.data.word_kinds import word_kinds
from textvae.errors import UserError
from textvae.evaluation.validation import Validator
from textvae.experiment.assembly import Assembled
from textvae.experiment.common import described, rows_of, saver
from textvae.experiment.latents import calibrate
from textvae.experiment.perception import make_perception
from textvae.experiment.preparation import Prepared, max_length
from textvae.experiment.start import begin_with
from textvae.model_card import ModelFacts, model_card
from textvae.models.adversaries import Adversaries
from textvae.models.configuration import pretrained_config
from textvae.models.pretrained import compute_base_in, describe, load_weights
from textvae.models.style_content_vae import StyleContentVAE
from textvae.training.progress import Reporter
from textvae.training.style_content import StyleContentRecipe
from textvae.training.transfer import TransferRecipe, learns_from_transfers


def build_networks(config: ExperimentConfig, prepared: Prepared) -> tuple[StyleContentVAE, Adversaries]:
    """Model and adversaries with the seed's initial weights."""
    set_seed(config.training.seed)
    pretrained = pretrained_config(
        describe(config.model),
        len(prepared.tokenizer),
        prepared.bag.size,
        prepared.corpus.attributes,
        max_length(config),
    )
    model = StyleContentVAE(pretrained)
    load_weights(model, prepared.tokenizer)
    model.clamping = config.clamping
    model.reconstructs = not (model.shows_words and config.objectives.J_rec.weight == 0)
    set_style_words(model, prepared)
    adversaries = Adversaries(
        model.style_latent.size,
        config.model.content.size,
        model.groups.sizes,
        prepared.bag.size,
        config.model.adversary,
        config.model.adversary_hidden,
        model.vector_size if model.sentence_memory is not None else 0,
    )
    return model, adversaries


def set_style_words(model: StyleContentVAE, prepared: Prepared) -> None:
    """Tell the model which tokens are style words, and of which kinds."""
    ids, train, kinds = prepared.bag.style_token_ids(prepared.tokenizer), prepared.train, model.config.style_word_kinds
    found = None
    if kinds:
        words = np.array(ids, dtype=np.int64)
        found = torch.from_numpy(word_kinds(train, words, model.config.vocab_size, kinds))
    model.set_style_tokens(ids, found)


def make_recipe(
    config: ExperimentConfig, prepared: Prepared, model: StyleContentVAE, adversaries: Adversaries
) -> StyleContentRecipe:
    """The paper's recipe, or the one that also learns from its own transfers where a term of theirs has a weight."""
    updates = config.training.adversary_updates
    if learns_from_transfers(config.objectives):
        perception = make_perception(config, prepared)
        return TransferRecipe(
            model, adversaries, config.objectives, config.transfer, updates, perception, config.adversarial
        )
    return StyleContentRecipe(model, adversaries, config.objectives, updates, config.adversarial)


def assemble(config: ExperimentConfig, prepared: Prepared, accelerator: Accelerator, reporter: Reporter) -> Assembled:
    """Networks, recipe, batches and validation."""
    model, adversaries = build_networks(config, prepared)
    if accelerator.mixed_precision == "bf16":
        compute_base_in(model, torch.bfloat16)
    recipe = make_recipe(config, prepared, model, adversaries)
    if config.start:
        begin_with(recipe, Path(config.start), "model", reporter.message)
    validator = Validator(
        config.selection, prepared.corpus, prepared.tokenizer, prepared.bag, config.text, reporter.message
    )

    def validate(step: int) -> dict[str, float]:
        calibrate(model, prepared)
        return validator(model, step)

    def card(step: int, metrics: dict[str, float]) -> str:
        return model_card(facts(config, prepared, model, step, metrics))

    loader = make_loader(config, prepared, accelerator)
    known = "" if loader.corpus.transfers is None else " with stored transfers"
    grouped = f", {len(loader.grouped)} of them also in groups" if isinstance(loader, GroupLoader) else ""
    return Assembled(
        model,
        recipe,
        loader,
        validate,
        saver(model, card),
        f"vocabulary {len(prepared.tokenizer)}, {len(loader.corpus)} sentences{grouped}{known}",
    )


def make_loader(config: ExperimentConfig, prepared: Prepared, accelerator: Accelerator) -> BatchLoader:
    """Batches of single sentences, with their stored transfers if there are any, and where sentences share something
    also of groups.
    """
    if config.transfer.stored:
        attributes, limit = prepared.corpus.attributes, max_length(config) - 2
        stored = stored_corpus(Path(config.run) / STORED, attributes, prepared.encode, limit)
        prepared = replace(prepared, train=stored)
    common = rows_of(config, prepared, accelerator)
    if config.clamping.shared is None:
        return BatchLoader(*common)
    loader = GroupLoader(*common, config.clamping.members)
    if not len(loader.grouped):
        raise UserError(
            f"{config.data.path}: no two training sentences are in one group of data.group_column "
            f"{config.data.group_column}; correct the groups, or leave out clamping.shared"
        )
    return loader


def facts(
    config: ExperimentConfig, prepared: Prepared, model: StyleContentVAE, step: int, metrics: dict[str, float]
) -> ModelFacts:
    """What the model card tells."""
    shape = config.model
    return ModelFacts(
        labels=prepared.corpus.labels,
        encoder=shape.encoder.title,
        decoder=shape.decoder.title,
        style_size=model.style_latent.size,
        content_size=shape.content.size,
        memory="translate" if shape.memory.translate else shape.memory.kind,
        **described(config, prepared, model, step, metrics),
    )
