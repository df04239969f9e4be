"""The judge that reports: pretrained parts beside the small one, from folders alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pretrained_parts import save_source

from textvae.errors import UserError
from textvae.evaluation.acceptance import EXTRA, PretrainedReading, ReportingJudge, load_judge
from textvae.inference.acceptance import AcceptanceJudge
from textvae.inference.rewriting_features import FEATURES
from textvae.registry import folder_of

WORDS = [("the", "food", "was", "great", "."), ("it", "is", "n't", "bad", "!"), ("_num_", "stars"), ()]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> PretrainedReading:
    folder = tmp_path_factory.mktemp("parts")
    return PretrainedReading(*(str(save_source(folder / kind, kind)) for kind in ("gpt2", "bert")))


def test_a_sentence_is_read_alike_alone_and_in_company(reading: PretrainedReading) -> None:
    together = dict(reading(WORDS))
    assert [len(together[words][0]) for words in WORDS] == [len(words) + 1 for words in WORDS]
    for words in WORDS:
        reading.found = {}
        scores, vector = reading([words])[words]
        np.testing.assert_allclose(scores, together[words][0], atol=1e-4)
        np.testing.assert_allclose(vector, together[words][1], atol=1e-5)
        assert np.linalg.norm(vector) == pytest.approx(1)


def test_stored_loaded_and_what_is_missing(reading: PretrainedReading, tmp_path: Path) -> None:
    small = AcceptanceJudge.load(folder_of("yelp") / "best" / "scorers")
    judge = ReportingJudge.of(small, reading)
    x, y = ["the food was bad ."] * 2, ["the food was great .", "the food was bad ."]
    features = judge.features(x, y, ["positive"] * 2)
    assert features.shape == (2, len(FEATURES) + len(EXTRA))
    np.testing.assert_array_equal(features[:, : len(FEATURES)], small.features(x, y, ["positive"] * 2))
    assert features[1, -1] == pytest.approx(1), "a copy has the same vector"
    judge.save(tmp_path)
    loaded = load_judge(tmp_path)
    assert isinstance(loaded, ReportingJudge)
    np.testing.assert_allclose(loaded.features(x, y, [1, 1]), features, atol=1e-2, rtol=1e-2)
    with pytest.raises(UserError, match="language model .* cannot be loaded"):
        ReportingJudge.load(tmp_path, language_model=str(tmp_path / "nowhere"))
