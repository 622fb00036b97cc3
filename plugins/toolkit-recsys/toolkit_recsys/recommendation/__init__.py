"""Item recommendation: which items to show a user. Imports nothing."""
