"""Measuring style transfer: judges, metrics, baselines and probes, gathered by the evaluator."""
