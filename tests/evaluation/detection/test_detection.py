"""Metrics and scores against their definitions; a detector on random models."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "inference"))
from random_run import SENTENCES, make_run  # noqa: E402
from random_spaces import make  # noqa: E402

from textvae.errors import UserError  # noqa: E402
from textvae.extras.detection.detector import SCORES, Detector, DetectorSettings  # noqa: E402
from textvae.extras.detection.metrics import quality  # noqa: E402
from textvae.extras.detection.scores import Mahalanobis, Neighbourhood, mutated, p_values, threshold  # noqa: E402
from textvae.inference.latents.space import LatentSpace  # noqa: E402

SHUFFLED = [SENTENCES[i] for i in np.random.default_rng(0).permutation(len(SENTENCES))]
CLEAN, LATER = SHUFFLED[:240], SHUFFLED[240:480]
NAMES = ("style-word", "sentence-gaussian", "sentence-deterministic")


# ---------------------------------------------------------------------- metrics
def test_golden_metrics() -> None:
    """Foreign 4, 3, 1 against clean 2, 0: of 6 pairs 5 are in order; precision at each find 1, 1, 3/4; 1 clean of 2."""
    found = quality(np.array([4.0, 3, 1, 2, 0]), np.array([1, 1, 1, 0, 0]))
    assert found.auroc == pytest.approx(5 / 6) and found.aupr == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert found.fpr95 == pytest.approx(1 / 2)
    perfect = quality(np.array([1.0, 2, 8, 9]), np.array([0, 0, 1, 1]))
    assert (perfect.auroc, perfect.aupr, perfect.fpr95) == (1, 1, 0)
    blind = quality(np.zeros(4), np.array([0, 1, 0, 1]))
    assert (blind.auroc, blind.aupr, blind.fpr95) == (0.5, 0.5, 1)
    with pytest.raises(UserError, match="all of one kind"):
        quality(np.zeros(3), np.zeros(3))


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40))
def test_auroc_counts_pairs_and_fpr95_thresholds(rows: list[tuple[int, bool]]) -> None:
    scores, foreign = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    if foreign.all() or not foreign.any():
        return
    found = quality(scores, foreign)
    pairs = np.subtract.outer(scores[foreign], scores[~foreign])
    assert found.auroc == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))
    enough = [t for t in np.unique(scores) if np.mean(scores[foreign] >= t) >= 0.95]
    assert found.fpr95 == pytest.approx(np.mean(scores[~foreign] >= max(enough)))


# ---------------------------------------------------------------------- scores
def test_golden_mahalanobis() -> None:
    """Variances 4 and 1 without correlation: √(2²/4 + 3²/1); with covariance [[2, 1], [1, 2]] and (1, 1): √(2/3)."""
    assert Mahalanobis.of(np.array([1.0, 0]), np.diag([4.0, 1]))(np.array([[3.0, 3]]))[0] == pytest.approx(10**0.5)
    skew = Mahalanobis.of(np.zeros(2), np.array([[2.0, 1], [1, 2]]))
    assert skew(np.array([[1.0, 1]]))[0] == pytest.approx((2 / 3) ** 0.5)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999))
def test_mahalanobis_is_the_quadratic_form_and_knows_no_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    covariance, mean, x = root @ root.T + 0.1 * np.eye(4), rng.normal(size=4), rng.normal(size=(6, 4))
    direct = np.sqrt([(r - mean) @ np.linalg.solve(covariance, r - mean) for r in x])
    np.testing.assert_allclose(Mahalanobis.of(mean, covariance)(x), direct)
    change = rng.normal(size=(4, 4)) + 3 * np.eye(4)
    np.testing.assert_allclose(
        Mahalanobis.of(change @ mean, change @ covariance @ change.T)(x @ change.T), direct, rtol=1e-5
    )


def test_mahalanobis_fits_more_dimensions_than_lines() -> None:
    x = np.random.default_rng(0).normal(size=(30, 50))
    found = Mahalanobis.fit(x)
    assert np.isfinite(found(x)).all() and found(x + 10).mean() > 3 * found(x).mean()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(0, 99))
def test_knn_is_the_kth_of_all_distances(size: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bank, x = rng.normal(size=(size, 3)), rng.normal(size=(5, 3))
    every = np.sort(np.linalg.norm(x[:, None] - bank, axis=2), axis=1)
    np.testing.assert_allclose(Neighbourhood(bank, k)(x), every[:, min(k, size) - 1], atol=1e-6)


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.floats(0.01, 0.99), st.floats(-6, 6))
def test_flags_and_p_values_agree(clean: list[float], rate: float, score: float) -> None:
    values = np.array(clean)
    bar, p = threshold(values, rate), p_values(np.array([score]), values)[0]
    assert 1 / (len(clean) + 1) <= p <= 1
    if score > bar:
        assert p <= rate + 1e-6
    elif score < bar:
        assert p > rate - 1e-6


def test_clean_text_is_flagged_as_often_as_was_asked_for() -> None:
    rng = np.random.default_rng(0)
    for rate in (0.01, 0.1, 0.3):
        hits = [np.mean(rng.normal(size=50) > threshold(rng.normal(size=400), rate)) for _ in range(300)]
        assert abs(np.mean(hits) - rate) < 0.015
    assert threshold(np.zeros(10), 0.05) == float("inf")


def test_the_background_replaces_the_share_of_words_that_was_asked_for() -> None:
    lines = [" ".join(f"w{(7 * i + j) % 500}" for j in range(40)) for i in range(200)]
    changed = list(mutated(lines, 0.3, seed=0))
    pairs = [(a, b) for x, y in zip(lines, changed, strict=True) for a, b in zip(x.split(), y.split(), strict=True)]
    assert abs(np.mean([a != b for a, b in pairs]) - 0.3) < 0.02
    assert list(mutated(lines, 0.0, 0)) == lines and list(mutated(lines, 0.3, 0)) == changed


# ---------------------------------------------------------------------- the detector
@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Detector]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("detectors")
    found = {}
    for name in NAMES:
        space = LatentSpace.from_pretrained(make(folder / name, name), "cpu", "fp32")
        found[name] = Detector.fit(space, CLEAN, DetectorSettings(neighbours=3, seed=1))
    return found


@pytest.fixture(params=NAMES)
def detector(request: pytest.FixtureRequest, detectors: dict[str, Detector]) -> Detector:
    return detectors[request.param]


def test_scores_alone_are_those_in_a_batch(detector: Detector) -> None:
    lines = ["", *SENTENCES[1::500], "zebra yak . it was !"]
    together = detector.score(lines)
    assert tuple(together) == SCORES and all(np.isfinite(v).all() for v in together.values())
    for i, line in enumerate(lines):
        for name, values in detector.score([line]).items():
            assert values[0] == pytest.approx(together[name][i], rel=1e-4, abs=1e-5), name


def test_thresholds_hold_on_clean_text(detector: Detector) -> None:
    for score in SCORES:
        share = np.mean(detector.flags(LATER, score, false_alarms=0.2))
        assert 0.02 < share < 0.4, score
    verdict = next(detector.stream(["the food was very good ."]))[1]
    assert set(verdict.p_values) == set(SCORES) and all(0 < p <= 1 for p in verdict.p_values.values())


def test_what_is_stored_scores_the_same(detector: Detector, tmp_path: Path) -> None:
    detector.save(tmp_path)
    again = Detector.load(detector.space, tmp_path)
    before, after = (d.score(SENTENCES[:9]) for d in (detector, again))
    assert all(np.array_equal(before[name], after[name]) for name in SCORES)
    assert again.threshold("knn", 0.1) == detector.threshold("knn", 0.1)


def test_same_seed_same_detector(detector: Detector) -> None:
    again = Detector.fit(detector.space, CLEAN, DetectorSettings(neighbours=3, seed=1))
    assert all(np.array_equal(again.clean[name], detector.clean[name]) for name in SCORES)
    other = Detector.fit(detector.space, CLEAN, DetectorSettings(neighbours=3, seed=2))
    assert not np.array_equal(other.clean["knn"], detector.clean["knn"])


def test_a_background_of_its_own(detectors: dict[str, Detector]) -> None:
    space = detectors["style-word"].space
    found = Detector.fit(space, SENTENCES[::9], background=["stocks fell ."] * 30)
    known = found.background.score(["stocks fell ."])
    assert known.log_prob[0] > found.background.score(["the food was good ."]).log_prob[0]


@pytest.mark.parametrize("damage", ["model", "missing", "text", "cut"])
def test_a_detector_that_does_not_fit_is_told(detectors: dict[str, Detector], tmp_path: Path, damage: str) -> None:
    detectors["style-word"].save(tmp_path)
    file = tmp_path / "detector.safetensors"
    if damage == "missing":
        (tmp_path / "detector.json").unlink()
    elif damage == "text":
        (tmp_path / "detector.json").write_text("{")
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    space = detectors["sentence-gaussian" if damage == "model" else "style-word"].space
    with pytest.raises(UserError, match="textvae detect fit"):
        Detector.load(space, tmp_path)


def test_what_cannot_be_is_told(detectors: dict[str, Detector]) -> None:
    detector = detectors["style-word"]
    for call, message in (
        (lambda: detector.threshold("nonsense", 0.1), "no score 'nonsense'"),
        (lambda: detector.threshold("knn", 1.0), "between 0 and 1"),
        (lambda: detector.threshold("knn", 1e-6), "fit with more clean text"),
        (lambda: Detector.fit(detector.space, ["a"] * 5), "too few"),
        (lambda: DetectorSettings(held_out=1.0), "held_out"),
    ):
        with pytest.raises(UserError, match=message):
            call()


def test_a_decoder_that_looks_back_has_no_likelihoods(tmp_path: Path) -> None:
    space = LatentSpace.from_pretrained(make_run(tmp_path / "run", memory="full"), "cpu", "fp32")
    detector = Detector.fit(space, SENTENCES[::20])
    assert detector.scores == ("kl", "mahalanobis", "knn") == tuple(detector.score(["good"]))
    detector.save(tmp_path / "detector")
    assert Detector.load(space, tmp_path / "detector").scores == detector.scores
    with pytest.raises(UserError, match="needs a decoder that reads z alone"):
        detector.threshold("elbo", 0.1)
