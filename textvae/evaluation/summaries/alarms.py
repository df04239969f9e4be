"""Alarms: is a summary text that people can read, or a code that only the reconstructor understands?

`measure` (of `symptoms`) takes the measures, `verdict` says in plain words which of them are beyond their limits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from textvae.evaluation.summaries.config import AlarmLimits
from textvae.evaluation.summaries.symptoms import ReconstructNll, measure

__all__ = ["Alarm", "AlarmLimits", "ReconstructNll", "is_code", "measure", "verdict"]


@dataclass(frozen=True)
class Alarm:
    """`value` of the measure `name` is beyond `threshold`; `sentence` says what that means and what to do."""

    name: str
    value: float
    threshold: float
    sentence: str


@dataclass(frozen=True)
class Rule:
    """Raises an alarm where the measure `name` is `side` the limit of that name; `text` is its sentence, a template
    over all measures and `limit`.
    """

    name: str
    side: Literal["below", "above"]
    text: str

    def __call__(self, measures: Mapping[str, float], limits: AlarmLimits) -> Alarm | None:
        value, limit = measures.get(self.name, math.nan), float(getattr(limits, self.name))
        if not (value < limit if self.side == "below" else value > limit):  # false for nan
            return None
        return Alarm(self.name, value, limit, self.text.format_map({**measures, "limit": limit}))


RULES = (
    Rule(
        "readable_share",
        "below",
        "A private code is being invented: the reconstructor learns {swapped_gap:.2f} nats a word from the summaries, "
        "a fresh reader of human text only {fresh_swapped_gap:.2f} ({readable_share:.0%}). People cannot read them "
        "either: weaken the reconstruction term or strengthen discriminator and language model, and start the "
        "reconstructor anew.",
    ),
    Rule(
        "information_share",
        "below",
        "The summaries tell an outsider little: a reader who knows only readable text learns {fresh_swapped_gap:.2f} "
        "nats a word from them, but {lead_gap:.2f} from as many first words of the documents. They are a code, or "
        "about something else.",
    ),
    Rule(
        "swapped_gap",
        "below",
        "The reconstructor does not read the summaries: another document's summary serves it almost as well "
        "({swapped_gap:.2f} nats a word). The generator gets no signal about content.",
    ),
    Rule(
        "shuffled_share",
        "below",
        "The order of the summary's words means nothing to the reconstructor: shuffling costs {shuffled_share:.0%} of "
        "what it learns from them. They are a bag of signs rather than sentences.",
    ),
    Rule(
        "perplexity_ratio",
        "above",
        "The summaries do not read like human text: perplexity {perplexity:.0f}, human texts {human_perplexity:.0f}.",
    ),
    Rule(
        "order_ratio",
        "below",
        "The summaries' words stand in no order: shuffled, their perplexity is {shuffled_perplexity:.0f} instead of "
        "{perplexity:.0f}.",
    ),
    Rule(
        "novelty_1",
        "above",
        "{novelty_1:.0f} % of the summaries' words are not in their documents: the generator writes about something "
        "else.",
    ),
    Rule(
        "names_invented",
        "above",
        "{names_invented:.0f} % of the summaries' rare words and numbers are not in their documents: names and figures "
        "are being made up.",
    ),
    Rule(
        "discriminator_accuracy",
        "above",
        "The discriminator tells {discriminator_accuracy:.0f} % of the summaries from human text: it has won, and its "
        "gradient says little. Train it less, or the generator more.",
    ),
    Rule(
        "lead_rate",
        "above",
        "{lead_rate:.0f} % of the summaries are the first words of their documents: this is LEAD, whatever the ROUGE.",
    ),
    Rule("empty_rate", "above", "{empty_rate:.1f} % of the summaries are empty."),
    Rule(
        "length_ratio",
        "above",
        "The summaries are much longer than human texts: {mean_length:.1f} words on average, human {human_length:.1f}.",
    ),
)
"""The gravest first."""


def verdict(measures: Mapping[str, float], limits: AlarmLimits | None = None) -> list[Alarm]:
    """The alarms that `measures` raises, the gravest first; what was not measured, or is nan, raises none."""
    limits = limits or AlarmLimits()
    unread = measures.get("swapped_gap", math.inf) < limits.swapped_gap  # shares of nearly nothing say nothing
    rules = [rule for rule in RULES if not (unread and rule.name in ("readable_share", "shuffled_share"))]
    return [alarm for rule in rules if (alarm := rule(measures, limits)) is not None]


def is_code(alarms: Sequence[Alarm]) -> bool:
    """Whether one of the alarms says that the summaries are no text for people."""
    return any(alarm.name in ("readable_share", "information_share") for alarm in alarms)
