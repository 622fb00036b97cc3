"""Recommendation for the toolkit: what users did with items, what they will do, and which items to show them.

Datasets, models, metrics and tasks, each a plain function or class that a recipe can name. Imports nothing.
"""
