"""Phases, recipes and the one loop over accelerate."""
