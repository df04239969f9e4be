"""How well a score tells foreign text from clean text, whatever the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from textvae.errors import UserError


@dataclass(frozen=True)
class DetectionQuality:
    """Foreign text is the positive class; shares from 0 to 1.

    auroc: probability that a foreign line scores higher than a clean one. aupr: average precision. fpr95: share of the
    clean lines that are flagged at the highest threshold that finds 95 % of the foreign ones (Hendrycks & Gimpel 2017,
    "A baseline for detecting misclassified and out-of-distribution examples"; Liang et al. 2018, sec. 4.3).
    """

    auroc: float
    aupr: float
    fpr95: float


def quality(scores: np.ndarray, foreign: np.ndarray) -> DetectionQuality:
    """Of scores (N,), higher for foreign text, and truth (N,) bool; UserError unless both kinds are there."""
    foreign = np.asarray(foreign, bool)
    if foreign.all() or not foreign.any():
        raise UserError("detection is measured with clean and foreign lines together, and these are all of one kind")
    wrong, found, _ = roc_curve(foreign, scores, drop_intermediate=False)
    fpr95 = float(wrong[np.argmax(found >= 0.95)])
    return DetectionQuality(
        float(roc_auc_score(foreign, scores)), float(average_precision_score(foreign, scores)), fpr95
    )
