"""Alarms: planted codes raise them, honest summarisers do not, and each rule does what its limit says."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import pytest

from textvae.evaluation.summaries.alarms import RULES, Alarm, Rule, is_code, measure, verdict
from textvae.evaluation.summaries.config import AlarmLimits
from textvae.evaluation.summaries.lead import leads
from textvae.evaluation.summaries.rare_words import RareWords
from textvae.evaluation.summaries.reader import StatisticalReader
from textvae.evaluation.summaries.symptoms import RATIOS, shuffled
from textvae.inference.kneser_ney import KneserNey

from .news import CODES, make_news

TRAIN = make_news(600)
TEST = make_news(150, seed=1)


@dataclass(frozen=True)
class World:
    fresh: StatisticalReader
    model: KneserNey
    rare: RareWords

    def examine(self, told: list[str], learnt: list[str] | None) -> list[Alarm]:
        """Alarms of summaries `told` of TEST by a pair of networks whose reader learnt from those of TRAIN."""
        reader = None if learnt is None else StatisticalReader().fit(learnt, TRAIN.documents).nll
        found = measure(
            told,
            TEST.documents,
            reconstruct_nll=reader,
            fresh_nll=self.fresh.nll,
            language_model=self.model,
            human_texts=TEST.texts,
            rare=self.rare,
        )
        return verdict(found)


@pytest.fixture(scope="module")
def world() -> World:
    fresh = StatisticalReader().fit_readable(TRAIN.documents)
    return World(fresh, KneserNey(3).fit(TRAIN.texts), RareWords(TRAIN.documents))


@pytest.mark.parametrize("with_reader", [True, False])
@pytest.mark.parametrize("name", sorted(CODES))
def test_a_planted_code_raises_the_alarm(name: str, with_reader: bool, world: World) -> None:
    """With the reconstructor that reads the code; and without it, as when a file of outputs is scored."""
    code = CODES[name]
    learnt = [code(text) for text in TRAIN.summaries] if with_reader else None
    alarms = world.examine([code(text) for text in TEST.summaries], learnt)
    assert is_code(alarms)
    names = [alarm.name for alarm in alarms]
    assert "information_share" in names and ("readable_share" in names) == with_reader
    if with_reader:
        assert "private code" in alarms[0].sentence and alarms[0].value < alarms[0].threshold


@pytest.mark.parametrize("with_reader", [True, False])
def test_an_honest_summariser_raises_none(with_reader: bool, world: World) -> None:
    assert world.examine(TEST.summaries, TRAIN.summaries if with_reader else None) == []


def test_lead_is_no_code_but_told_to_be_lead(world: World) -> None:
    alarms = world.examine(leads(TEST.documents, 7), leads(TRAIN.documents, 7))
    assert not is_code(alarms) and "lead_rate" in [alarm.name for alarm in alarms]


def test_summaries_of_other_documents_are_told(world: World) -> None:
    """Fluent human text that has nothing to do with the document: nothing can be learnt from it."""
    alarms = world.examine(TEST.texts, TRAIN.texts)
    assert is_code(alarms) and {"swapped_gap", "information_share"} <= {alarm.name for alarm in alarms}
    assert "readable_share" not in [alarm.name for alarm in alarms]


def test_true_words_in_no_order_are_told(world: World) -> None:
    told, learnt = (shuffled(news.summaries, seed=7) for news in (TEST, TRAIN))
    assert {"perplexity_ratio", "order_ratio"} <= {alarm.name for alarm in world.examine(told, learnt)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_raised_beyond_its_limit_and_not_at_it(rule: Rule) -> None:
    limit = getattr(AlarmLimits(), rule.name)
    harmless = dict.fromkeys(sorted(MEASURES), 1.0) | {"swapped_gap": 9.0}
    sign = 1 if rule.side == "above" else -1
    beyond = rule({**harmless, rule.name: limit + sign * 1e-6}, AlarmLimits())
    assert beyond is not None and beyond.threshold == limit and "{" not in beyond.sentence
    assert rule({**harmless, rule.name: limit}, AlarmLimits()) is None
    assert rule({**harmless, rule.name: math.nan}, AlarmLimits()) is None
    assert rule({}, AlarmLimits()) is None


MEASURES = {name for pair in RATIOS.values() for name in pair} | {rule.name for rule in RULES}


def test_every_limit_has_its_rule() -> None:
    assert sorted(rule.name for rule in RULES) == sorted(field.name for field in fields(AlarmLimits))


def test_limits_can_be_set() -> None:
    assert verdict({"empty_rate": 5.0}, AlarmLimits(empty_rate=10)) == []
    (alarm,) = verdict({"empty_rate": 5.0})
    assert alarm == Alarm("empty_rate", 5.0, 1.0, "5.0 % of the summaries are empty.")
