"""Recipes: YAML pages to frozen plain values. Imports nothing heavy, no torch and no plugin."""

from toolkit.recipe.dump import to_yaml
from toolkit.recipe.load import file_place, load
from toolkit.recipe.locate import RecipeFile, RecipeNotFound, find_recipe, list_recipes
from toolkit.recipe.node import DEFAULT, KeyPath
from toolkit.recipe.recipe import Recipe, freeze, thaw

__all__ = [
    "DEFAULT",
    "KeyPath",
    "Recipe",
    "RecipeFile",
    "RecipeNotFound",
    "file_place",
    "find_recipe",
    "freeze",
    "list_recipes",
    "load",
    "thaw",
    "to_yaml",
]
