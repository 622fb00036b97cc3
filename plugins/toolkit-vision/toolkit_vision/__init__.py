"""Images for the toolkit: data sets and models, each a plain function or class that a recipe can name.

Imports nothing of the toolkit, except its downloader when a data set has to be downloaded.
"""
