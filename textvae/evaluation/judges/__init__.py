"""Style classifiers that only ever measure: trained on the data alone, never with or for a model.

`NgramJudge` and `CnnJudge` report; `NaiveBayesJudge` only selects checkpoints, so that what picks a model is
not what reports on it (a model selected by the reporting judge looks better than it is).
"""
