"""Images for the toolkit: datasets and models, each a plain function or class that a recipe can name.

Imports nothing of the toolkit, except its downloader when a dataset has to be downloaded.
"""
