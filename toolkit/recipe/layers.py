"""Laying one layer of a recipe over another: parent, child, then each override. Imports only errors and grammar.

A block that names another component replaces the old block with all its arguments; one that names the same or none
is merged into it. OmegaConf's merge is not used: ``model=mlp model.hidden=64`` over ``small_cnn`` gives it a
``small_cnn`` with ``hidden``, in silence.
"""

from __future__ import annotations

from toolkit.errors import Problem, did_you_mean
from toolkit.recipe.grammar import BLOCKS, COLLECTIONS
from toolkit.recipe.node import DEFAULT, KeyPath, Node


def lay_over(base: Node, layer: Node) -> tuple[Node, list[Problem]]:
    """``base`` with ``layer`` laid over it, every component position written out as ``{use: NAME, ...}``.

    Both are whole recipes (mappings). The problems are labels that the layer removes and ``base`` does not have.
    """
    problems: list[Problem] = []
    return _merge(base, layer, (), problems), problems


def is_component(path: KeyPath) -> bool:
    """Whether the grammar puts a component at this path, whatever stands there."""
    return (len(path) == 1 and path[0] in BLOCKS) or path[:-1] in COLLECTIONS


def _merge(base: Node | None, layer: Node, path: KeyPath, problems: list[Problem]) -> Node:
    if is_component(path) or (base is not None and base.use is not None):
        layer = _written_out(layer)
    below = layer.mapping
    if below is None:
        return layer
    above = base.mapping if base is not None else None
    if base is None or above is None or (layer.use is not None and layer.use != base.use):
        above = {}
    merged = dict(above)
    for key, child in below.items():
        inner = (*path, key)
        if child.value is None and path in COLLECTIONS:
            if merged.pop(key, None) is None:
                kind = COLLECTIONS[path]
                message = f"there is no {kind} {key!r} to remove." + did_you_mean(key, merged)
                problems.append(Problem(child.key_place, ".".join(map(str, inner)), message))
            continue
        # A key keeps its position in the order when it is changed: labels run in the order written.
        merged[key] = _merge(above.get(key), child, inner, problems)
    if path[:-1] in COLLECTIONS and "use" not in merged:
        merged = {
            "use": Node(path[-1] if isinstance(path[-1], str) else None, layer.key_place, layer.key_place),
            **merged,
        }
    # A block stays where it was first written, unless the layer replaces it or names its component anew.
    # (The defaults are nowhere that one could look.)
    stays = base is not None and bool(above) and layer.use is None and base.place != DEFAULT
    return Node(merged, base.place, base.key_place) if stays and base else Node(merged, layer.place, layer.key_place)


def _written_out(node: Node) -> Node:
    """A bare name as ``{use: name}``; anything else as it is."""
    if not isinstance(node.value, str):
        return node
    return Node({"use": Node(node.value, node.place, node.key_place)}, node.place, node.key_place)
