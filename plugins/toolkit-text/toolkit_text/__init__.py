"""Text for the toolkit: tokenizers, datasets, models and tasks, each a plain function or class that a recipe can name.

Imports of the toolkit its supervised task and its downloader, where they are needed.
"""
