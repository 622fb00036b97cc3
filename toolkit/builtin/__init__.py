"""Built-in components that torch, torchmetrics and Lightning do not already have.

Nothing of the toolkit imports this package: recipes reach it through the core's entry points, as they reach a
plugin's. It imports torch and Lightning, and nothing of the toolkit.
"""
