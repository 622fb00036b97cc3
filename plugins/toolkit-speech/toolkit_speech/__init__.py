"""Speech for the toolkit: audio files, features, augmentation, datasets, models and tasks.

Each is a plain function or class that a recipe can name. Imports nothing.
"""
