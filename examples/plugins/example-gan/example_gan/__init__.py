"""Generative adversarial networks for the toolkit: a task of its own, with two optimizers."""
