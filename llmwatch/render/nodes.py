"""Owns how HTML and SVG are built: a tree of elements whose text and attributes are escaped when it is written.

The tree is the standard library's: no call of it takes markup, so that stored text cannot become any. A template
language would be a dependency whose every template has to remember to escape.
"""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree

Node = ElementTree.Element
# Each stands on a line of its own, so that two reports can be compared line by line.
_BLOCKS: Final = frozenset(
    {"head", "body", "header", "nav", "main", "section", "footer", "figure", "table", "thead", "tbody", "tr", "div"}
    | {"caption", "h1", "h2", "p", "ul", "li", "pre", "svg", "meta", "title", "style", "path", "rect"}
)


def node(tag: str, *children: Node | str | None, **attributes: str | None) -> Node:
    """One element; `class_` is written class and other underscores as hyphens, an attribute of None is left out."""
    names = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    element = ElementTree.Element(tag, names)
    last: Node | None = None
    for child in children:
        if isinstance(child, str):
            if last is None:
                element.text = (element.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        elif child is not None:
            element.append(child)
            last = child
    if tag in _BLOCKS:
        element.tail = "\n"
    return element


def written(root: Node) -> str:
    """The tree as one HTML document."""
    return "<!doctype html>\n" + ElementTree.tostring(root, encoding="unicode", method="html") + "\n"
