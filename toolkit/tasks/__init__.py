"""Tasks: the LightningModules that know what a step is. Recipes reach them through the core's entry points.

Imports nothing itself; its modules import torch and Lightning, and nothing of the toolkit but each other.
"""
