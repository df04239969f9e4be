"""Equations come from the functions that compute the objectives."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from report.fabricated import style_config, style_lines, summary_config, summary_lines, weight, write_run

from textvae.extras.report.equations import CHOSEN, STYLE, SUMMARIES, equation_of, terms
from textvae.extras.report.records import read_run
from textvae.objectives import style_content, summarization
from textvae.objectives.config import ObjectivesConfig

PLAIN = {"J_language", "J_denoise", "J_back", "J_rec", "J_rec_g"}
"""Terms of the summarizer that are a network's loss per word."""


def test_every_style_objective_has_an_equation(tmp_path: Path) -> None:
    record = read_run(write_run(tmp_path / "run", style_config(), style_lines(100)))
    found = {term.name: term for term in terms(record)}
    assert set(found) == set(style_content.OBJECTIVES)
    assert all(term.equation and term.meaning for term in found.values())
    assert found["J_rec"].equation == "−Σ_t log p(x_t | z_s, z_c, x_<t)" and "eq. 1" in found["J_rec"].source
    assert found["J_adv_s"].equation.startswith("KL(uniform ‖ y)")  # as the configuration has it
    assert found["J_kl_s"].weight == "0.03, tanh over 50 steps" and found["J_rec"].weight == "1.0"
    assert found["J_rec"].train == pytest.approx(5 / 100) and found["J_rec"].dev == 1.5
    assert found["J_mul_s"].dev is None


def test_every_term_that_can_have_a_weight_has_an_equation(tmp_path: Path) -> None:
    config = style_config()
    names = [f.name for f in fields(ObjectivesConfig) if f.name.startswith("J_")]
    config["objectives"] |= {name: weight(1.0) for name in names}
    config["transfer"], config["adversarial"] = {"language_prior": "reverse"}, {"loss": "wasserstein"}
    found = {term.name: term for term in terms(read_run(write_run(tmp_path / "run", config, [])))}
    assert [name for name in names if not found[name].equation] == ["J_language"]  # plain nats a token
    assert found["J_style"].equation == found["J_dis_s"].equation == "−Σ_l t_s(l) log y_s(l)"
    assert found["J_style"].source == "" and "John" in found["J_mul_s"].source
    assert found["J_content"].equation.startswith("‖a − b‖²") and "Lample" in found["J_cycle"].source


def test_the_form_of_an_objective_is_the_configuration_s(tmp_path: Path) -> None:
    config = style_config()
    config["objectives"]["adversarial"] = "entropy"
    found = {term.name: term for term in terms(read_run(write_run(tmp_path / "run", config, [])))}
    assert found["J_adv_s"].equation.startswith("−H(y)") and found["J_adv_s"].train is None


def test_summaries(tmp_path: Path) -> None:
    record = read_run(write_run(tmp_path / "run", summary_config(), summary_lines(100)))
    found = {term.name: term for term in terms(record)}
    assert found["J_critic"].equation.startswith("f(x̃) − f(x)") and found["J_critic"].train == -0.1
    assert found["J_denoise"].equation == "" and "noised version" in found["J_denoise"].meaning
    every = {f.name for f in fields(summarization.SummarizationObjectives)}
    assert every == PLAIN | set(SUMMARIES) | {
        name for name in CHOSEN if not (name.startswith("J_adv") or name.endswith(("_s", "_c")))
    }


def test_every_docstring_begins_with_an_equation() -> None:
    functions = [*STYLE.values(), *SUMMARIES.values(), *(f for _, forms in CHOSEN.values() for f in forms.values())]
    for function in functions:
        assert len(equation_of(function)[0]) > 5, function


@pytest.mark.parametrize("objectives", [None, [], {"J_rec": 3, "J_unknown": {"weight": 1}}])
def test_configurations_that_make_no_sense_have_no_terms(tmp_path: Path, objectives: object) -> None:
    record = read_run(write_run(tmp_path / "run", {**style_config(), "objectives": objectives}, []))
    assert terms(record) == []
