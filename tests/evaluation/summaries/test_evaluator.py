"""The evaluator: a system beside its baselines, intervals, JSON, and what happens where a part is missing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from textvae.errors import UserError
from textvae.evaluation.summaries.alarms import is_code
from textvae.evaluation.summaries.config import SummaryEvaluationConfig, TaggerConfig
from textvae.evaluation.summaries.evaluator import (
    LM_CUT,
    OWN_LENGTHS,
    REFERENCE,
    TAGGER,
    WHOLE,
    SummaryEvaluator,
)
from textvae.evaluation.summaries.instruments import SummaryInstruments, build_instruments
from textvae.evaluation.summaries.lead import leads
from textvae.evaluation.summaries.reader import StatisticalReader
from textvae.evaluation.summaries.results import SummaryEvaluation
from textvae.evaluation.summaries.rouge import MEASURES, Rouge

from .news import CODES, make_news

TRAIN = make_news(300)
TEST = make_news(60, seed=1)
TINY = TaggerConfig(embedding_size=8, size=8, epochs=1, min_count=1)
CONFIG = SummaryEvaluationConfig(resamples=200, tagger=TINY, lead_words=(4, 5, 8, 10, 12), shown_leads=(5,))


@pytest.fixture(scope="module")
def instruments(tmp_path_factory: pytest.TempPathFactory) -> SummaryInstruments:
    torch.set_num_threads(1)
    return build_instruments(TRAIN.texts, TRAIN.documents, tmp_path_factory.mktemp("instruments"), CONFIG)


@pytest.fixture(scope="module")
def evaluator(instruments: SummaryInstruments) -> SummaryEvaluator:
    return SummaryEvaluator(TEST.documents, TEST.summaries, instruments, CONFIG)


@pytest.fixture(scope="module")
def result(evaluator: SummaryEvaluator) -> SummaryEvaluation:
    return evaluator.score([" ".join(text.split()[:-1]) for text in TEST.summaries], "ours")


def values(result: SummaryEvaluation, system: str) -> list[float]:
    return [result.row(system).measures[name].value for name in MEASURES]


def test_the_system_stands_beside_every_baseline(result: SummaryEvaluation) -> None:
    systems = [row.system for row in result.rows]
    assert systems[0] == "ours" and len(set(systems)) == len(systems)
    assert {"lead-6", OWN_LENGTHS, LM_CUT, TAGGER, *(f"lead-{k}" for k in CONFIG.lead_words), WHOLE, REFERENCE} < set(
        systems
    )
    assert result.settings["equal_length_lead"] == "lead-6"


def test_values_are_the_means_over_pairs(result: SummaryEvaluation) -> None:
    rouge = Rouge(TEST.summaries)
    for system, texts in (("lead-8", leads(TEST.documents, 8)), (WHOLE, TEST.documents), (REFERENCE, TEST.summaries)):
        np.testing.assert_allclose(values(result, system), rouge.scores(texts).mean(axis=0))
    assert values(result, REFERENCE) == [100.0] * 3
    assert result.row("lead-8").measures["mean_length"].value == 8


def test_the_best_lead_is_the_best_of_the_sweep(result: SummaryEvaluation) -> None:
    sums = {f"lead-{k}": sum(values(result, f"lead-{k}")) for k in CONFIG.lead_words}
    assert result.settings["best_lead"] == max(sums, key=lambda lead: sums[lead])
    assert f"{result.settings['best_lead']}, the best LEAD" in result.table()


def test_baselines_have_the_length_of_the_system(result: SummaryEvaluation) -> None:
    length = result.row("ours").measures["mean_length"].value
    for system in ("lead-6", OWN_LENGTHS, TAGGER):
        assert result.row(system).measures["mean_length"].value == pytest.approx(length, abs=1 / len(TEST.documents))
    assert abs(result.row(LM_CUT).measures["mean_length"].value - length) <= CONFIG.cut_slack


def test_a_system_that_is_lead_gets_the_numbers_of_lead(evaluator: SummaryEvaluator) -> None:
    found = evaluator.score(leads(TEST.documents, 8), "ours")
    for system in ("lead-8", OWN_LENGTHS):
        np.testing.assert_equal(dict(found.row(system).measures), dict(found.row("ours").measures))
    assert found.difference("rouge_1", "ours", "lead-8") == (0, 0, 0)
    assert "lead-8, of equal length" in found.table()


def test_intervals_hold_the_value_and_have_the_width_of_theory(result: SummaryEvaluation) -> None:
    scores = Rouge(TEST.summaries).scores(leads(TEST.documents, 8))[:, 0]
    found = result.row("lead-8").measures["rouge_1"]
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * scores.std() / math.sqrt(len(scores)), rel=0.25)


def test_differences_are_paired(result: SummaryEvaluation) -> None:
    ours, lead = (
        Rouge(TEST.summaries).scores(texts)[:, 0]
        for texts in ([" ".join(text.split()[:-1]) for text in TEST.summaries], leads(TEST.documents, 8))
    )
    found = result.difference("rouge_1", "ours", "lead-8")
    assert found.value == pytest.approx((ours - lead).mean()) and found.low > 0
    assert found.high - found.low == pytest.approx(2 * 1.96 * (ours - lead).std() / math.sqrt(len(ours)), rel=0.25)


def test_scoring_again_gives_the_same(evaluator: SummaryEvaluator, result: SummaryEvaluation) -> None:
    again = evaluator.score([" ".join(text.split()[:-1]) for text in TEST.summaries], "ours")
    assert json.dumps(again.to_dict()) == json.dumps(result.to_dict())


def test_json_is_whole_and_without_nan(result: SummaryEvaluation, tmp_path: Path) -> None:
    result.save(tmp_path / "metrics.json")
    text = (tmp_path / "metrics.json").read_text()
    found = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert [row["system"] for row in found["rows"]] == [row.system for row in result.rows]
    assert found["settings"]["pairs"] == 60 and "rouge-score" in found["settings"]["rouge"]
    assert found["symptoms"]["information_share"] > 0.5 and found["alarms"] == []


def test_the_table_shows_some_leads_and_says_how_it_was_measured(result: SummaryEvaluation) -> None:
    table = result.table()
    assert "R-1" in table and "Porter" in table and "60 pairs" in table
    assert "lead-5" in table and "lead-4 " not in table and "WARNING" not in table
    assert {len(line) for line in table.splitlines()[:3]} != {0}


def test_a_code_is_warned_of(evaluator: SummaryEvaluator) -> None:
    told, learnt = ([CODES["cipher"](text) for text in news.summaries] for news in (TEST, TRAIN))
    accomplice = StatisticalReader().fit(learnt, TRAIN.documents)
    alone = evaluator.score(told)
    both = evaluator.score(told, reconstruct_nll=accomplice.nll, discriminator_accuracy=99.0)
    assert is_code(alone.alarms) and "WARNING: The summaries tell an outsider little" in alone.table()
    assert "WARNING: A private code" in both.table() and "discriminator" in both.table()
    assert both.to_dict()["alarms"][0]["name"] == "readable_share"


def test_references_alone_give_rouge_alone() -> None:
    found = SummaryEvaluator(references=TEST.summaries, config=CONFIG).score(leads(TEST.documents, 8), "ours")
    assert [row.system for row in found.rows] == ["ours", REFERENCE] and found.alarms == ()
    assert set(found.row("ours").measures) == {*MEASURES, "mean_length"} and "R-L" in found.table()


def test_documents_alone_give_all_but_rouge(instruments: SummaryInstruments) -> None:
    found = SummaryEvaluator(TEST.documents, instruments=instruments, config=CONFIG).score(TEST.summaries, "ours")
    assert {row.system for row in found.rows} == {"ours", "lead-7", OWN_LENGTHS, LM_CUT, TAGGER, WHOLE}
    assert "rouge_1" not in found.row("ours").measures and "R-1" not in found.table()
    assert found.symptoms["information_share"] > 0.5


def test_without_instruments_what_needs_them_is_missing() -> None:
    found = SummaryEvaluator(TEST.documents, TEST.summaries, config=CONFIG).score(TEST.summaries)
    assert TAGGER not in {row.system for row in found.rows} and "PPL" not in found.table()


CHINESE = ["股市今日大幅上涨，分析师说。", "北京今天下雪了，气温下降。", "公司宣布裁员，工人抗议。"]


def test_text_without_spaces_is_measured_in_characters() -> None:
    found = SummaryEvaluator(CHINESE, [text[:4] for text in CHINESE], config=CONFIG).score(
        [text[:6] for text in CHINESE]
    )
    assert found.row("system").measures["mean_length"].value == 6
    assert found.settings["equal_length_lead"] == "lead-6"
    assert values(found, "lead-4") == [100.0] * 3 and values(found, "lead-6") == values(found, "system")
    assert found.settings["tokens"] == "auto" and "characters" in found.settings["rouge"]


def test_instruments_learn_characters_where_there_are_no_spaces(tmp_path: Path) -> None:
    instruments = build_instruments([text[:6] for text in CHINESE] * 9, CHINESE * 9, tmp_path, CONFIG)
    found = SummaryEvaluator(CHINESE, instruments=instruments, config=CONFIG).score([text[:6] for text in CHINESE])
    assert found.row("system").measures["perplexity"].value < found.row(WHOLE).measures["perplexity"].value
    assert found.symptoms["human_length"] == 6 and found.symptoms["copy_rate"] == 100
    assert found.symptoms["order_ratio"] > 1.3 and not is_code(found.alarms)


def test_empty_outputs_are_scored_and_told(evaluator: SummaryEvaluator) -> None:
    found = evaluator.score([""] * 60)
    assert values(found, "system") == [0.0] * 3 and found.row("system").measures["mean_length"].value == 0
    assert "empty_rate" in [alarm.name for alarm in found.alarms] and found.table()


def test_sides_of_other_lengths_are_refused(evaluator: SummaryEvaluator) -> None:
    with pytest.raises(UserError, match="59 outputs for 60"):
        evaluator.score(TEST.summaries[1:])
    with pytest.raises(UserError, match="2 documents but 1 references"):
        SummaryEvaluator(["a", "b"], ["c"])
    with pytest.raises(UserError, match="nothing to compare"):
        SummaryEvaluator()


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"resamples": -1}, {"lead_words": (0, 1)}], ids=str)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        SummaryEvaluationConfig(**wrong)  # type: ignore[arg-type]
