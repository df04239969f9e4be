"""Compositions of modules. Adversaries are kept apart from the models that fool them."""
