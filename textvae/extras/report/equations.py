"""Each objective's equation and meaning, taken from the docstrings of what computes it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from docstring_parser import parse_from_object

from textvae.extras.documents import objectives as hierarchy
from textvae.extras.documents.config import HierarchicalObjectives
from textvae.extras.report.records import RunRecord, look_up, number
from textvae.extras.trees.config import TreeObjectives
from textvae.extras.trees.objectives import tree_reconstruction
from textvae.objectives import (
    clamping,
    latent,
    multitask,
    policy_gradient,
    prior,
    reconstruction,
    sentence_vae,
    transfer,
    wgan_gp,
)
from textvae.objectives.adversarial import ADVERSARIAL
from textvae.objectives.config import ObjectivesConfig, SentenceObjectives, SummarizationObjectives

STYLE: dict[str, Callable[..., Any]] = {
    "J_rec": reconstruction.reconstruction,
    "J_kl_s": latent.kl,
    "J_kl_c": latent.kl,
    "J_mul_s": multitask.style_cross_entropy,
    "J_mul_c": multitask.bag_cross_entropy,
    "J_dis_s": multitask.style_cross_entropy,
    "J_dis_c": multitask.bag_cross_entropy,
    "J_mul_m": multitask.style_cross_entropy,
    "J_dis_m": multitask.style_cross_entropy,
    "J_cycle": transfer.cycle,
    "J_style": multitask.style_cross_entropy,
    "J_content": transfer.squared_distance,
    "J_match": transfer.squared_distance,
    "J_content_features": transfer.content_features,
    "J_gram": transfer.gram_distance,
    "J_adv_x": multitask.style_cross_entropy,
    "J_guide": multitask.style_cross_entropy,
    "J_dis_x": transfer.against_generated,
    "J_group": clamping.group_distance,
    "J_gp_s": wgan_gp.gradient_penalty,
    "J_gp_c": wgan_gp.gradient_penalty,
}
SUMMARIES: dict[str, Callable[..., Any]] = {
    "J_gp": wgan_gp.gradient_penalty,
    "J_pg": policy_gradient.reinforce,
    "J_topic": prior.topic_cosine,
    "J_len": prior.length_penalty,
    "J_cov": prior.coverage,
}
SENTENCES: dict[str, Callable[..., Any]] = {
    "J_rec": sentence_vae.sentence_reconstruction,
    "J_kl": latent.kl,
    "J_bow": sentence_vae.bag_of_words,
    "J_gp": wgan_gp.gradient_penalty,
}
DOCUMENTS: dict[str, Callable[..., Any]] = {
    "J_rec": sentence_vae.sentence_reconstruction,
    "J_kl_1": latent.kl,
    "J_kl_2": hierarchy.kl_around,
    "J_mu": hierarchy.mean_prior,
    "J_doc": hierarchy.document_cross_entropy,
}
CHOSEN: dict[str, tuple[tuple[str, ...], Mapping[str, Callable[..., Any]]]] = {
    "J_adv_s": (("objectives.adversarial",), ADVERSARIAL),
    "J_adv_c": (("objectives.adversarial",), ADVERSARIAL),
    "J_adv_m": (("objectives.adversarial",), ADVERSARIAL),
    **{name: (("adversarial.loss",), wgan_gp.CRITIC_LOSSES) for name in ("J_critic", "J_critic_s", "J_critic_c")},
    **{name: (("adversarial.loss",), wgan_gp.GENERATOR_LOSSES) for name in ("J_gen", "J_gen_s", "J_gen_c")},
    "J_lm": (("adversarial.language_prior", "transfer.language_prior"), prior.LANGUAGE_PRIORS),
}
"""Objectives whose form a value of the configuration chooses, by one name or the other."""
READS_Z = ("J_mul_s", "J_mul_c")
"""The cross-entropies whose y is a layer over z; the others are the same sum over another network's y."""
NOT_OF_THE_PAPER = ("J_style", "J_adv_x", "J_guide", "J_mul_m", "J_dis_m")
"""Cross-entropies that the paper of their function does not have."""
CONFIGS: dict[str, tuple[type, dict[str, Callable[..., Any]]]] = {
    "style_transfer": (ObjectivesConfig, STYLE),
    "summarization": (SummarizationObjectives, SUMMARIES),
    "sentence_vae": (SentenceObjectives, SENTENCES),
    "document_vae": (HierarchicalObjectives, DOCUMENTS),
    "tree": (TreeObjectives, {"J_rec": tree_reconstruction, "J_kl": latent.kl}),
}


@dataclass(frozen=True)
class Term:
    """One objective of a run. equation: "" where it is a network's plain loss per word, which the meaning tells.

    train, dev: the last value logged, unweighted, None before there is one.
    """

    name: str
    equation: str
    source: str
    meaning: str
    weight: str
    train: float | None
    dev: float | None


def terms(record: RunRecord) -> list[Term]:
    """Every objective that the run's configuration weighs."""
    if record.task not in CONFIGS:
        return []
    config, functions = CONFIGS[record.task]
    meanings = {p.arg_name: p.description or "" for p in parse_from_object(config).params}
    found = look_up(record.config, "objectives")
    return [
        term(record, name, weight, functions, meanings)
        for name, weight in (found.items() if isinstance(found, dict) else ())
        if name in meanings and isinstance(weight, dict)
    ]


def term(
    record: RunRecord,
    name: str,
    weight: dict[str, Any],
    functions: Mapping[str, Callable[..., Any]],
    meanings: Mapping[str, str],
) -> Term:
    """One row."""
    function = functions.get(name)
    if name in CHOSEN:
        options, forms = CHOSEN[name]
        function = next((forms[f] for o in options if (f := str(look_up(record.config, o))) in forms), None)
    equation, source = ("", "") if function is None else equation_of(function)
    if name not in READS_Z:
        equation = equation.partition(", y_")[0]
    if name in NOT_OF_THE_PAPER:
        source = ""
    keys = {key for row in record.metrics for key in row if key.startswith("train/") and key.endswith(f"/{name}")}
    train = last(record, *(keys - {f"train/lambda/{name}"}))
    return Term(name, equation, source, meanings[name], in_words(weight), train, last(record, f"dev/{name}"))


def equation_of(function: Callable[..., Any]) -> tuple[str, str]:
    """The right-hand side of the equation that a docstring begins with, and the paper named in brackets after it."""
    first = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split("\n"))
    right = first.partition(" = ")[2]
    equation, _, rest = right.partition("  (")
    return equation.partition(". ")[0].rstrip(" ."), rest.partition(")")[0]


def in_words(weight: Mapping[str, Any]) -> str:
    """`0.03, tanh over 3000 steps from step 100`."""
    text = str(weight.get("weight"))
    if weight.get("schedule", "constant") != "constant":
        text += f", {weight['schedule']} over {weight.get('steps')} steps"
    return text + (f" from step {weight['start']}" if weight.get("start") else "")


def last(record: RunRecord, *keys: str) -> float | None:
    """The last finite value of any of the keys."""
    for row in reversed(record.metrics):
        for key in keys:
            if (value := number(row.get(key))) is not None:
                return value
    return None
