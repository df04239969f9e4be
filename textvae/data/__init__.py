"""Labelled sentences, from the user's files to tensors."""
