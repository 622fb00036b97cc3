"""The JSON Schema of recipes, from what is installed, for editors; what it is made from, for the shell's completion.

Components are imported in a child process, once for every state of a plugin; this process imports nothing heavy.
"""
