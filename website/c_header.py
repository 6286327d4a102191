"""Reads include/ungil.h: its introduction, and its constants, types and functions with their comments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import tree_sitter_c
from tree_sitter import Language, Node, Parser

FOR_CPP = re.compile(r"^#ifdef __cplusplus\n.*?^#endif.*?\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Item:
    """One declaration, with the comment before it."""

    kind: str
    """constant, type or function."""
    name: str
    text: str
    """The declaration, as in the header; of a constant, its value."""
    comment: str
    parameters: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Header:
    """What a header has, in its order."""

    introduction: str
    items: list[Item]


def read(source: str) -> Header:
    """Parse a header that cbindgen has written.

    Raises
    ------
    ValueError
        If something in it is no C, or has no comment.
    """
    plain = FOR_CPP.sub("", source)
    tree = Parser(Language(tree_sitter_c.language())).parse(plain.encode())
    if tree.root_node.has_error:
        raise ValueError("the header is not C")
    nodes = list(_flat(tree.root_node))
    items = [item for before, node in zip(nodes, nodes[1:]) if (item := _item(before, node))]
    return Header(_comment(nodes[0]), items)


def _flat(node: Node) -> Iterator[Node]:
    """The declarations and comments, also those inside the guard against a second inclusion."""
    for child in node.children:
        if child.type == "preproc_ifdef":
            yield from _flat(child)
        else:
            yield child


def _item(before: Node, node: Node) -> Item | None:
    if node.type == "preproc_def":
        if _child(node, "value") is None:
            return None  # the guard
        made = Item("constant", _text(_child(node, "name")), _text(_child(node, "value")).strip(), _documented(before))
    elif node.type == "type_definition":
        names = [name for name in _named(node, "type_identifier") if _text(name) in _text(node).rsplit("\n", 1)[-1]]
        made = Item("type", _text(names[-1] if _has_body(node) else names[0]), _text(node), _documented(before))
    elif node.type == "declaration":
        declarator = next(_named(node, "function_declarator"))
        name = _text(_child(declarator, "declarator"))
        parameters = [_text(names[-1]) for names in map(_identifiers, _named(node, "parameter_declaration")) if names]
        made = Item("function", name, _text(node), _documented(before), parameters)
    else:
        return None
    return made


def _has_body(node: Node) -> bool:
    return any(True for _ in _named(node, "field_declaration_list"))


def _identifiers(node: Node) -> list[Node]:
    return list(_named(node, "identifier"))


def _named(node: Node, kind: str) -> Iterator[Node]:
    """All nodes of this kind below a node, in their order."""
    for child in node.children:
        if child.type == kind:
            yield child
        yield from _named(child, kind)


def _child(node: Node, name: str) -> Node | None:
    return node.child_by_field_name(name)


def _text(node: Node | None) -> str:
    return (node.text or b"").decode() if node else ""


def _documented(before: Node) -> str:
    if before.type != "comment":
        raise ValueError(f"{_text(before)} stands where a comment should")
    return _comment(before)


def _comment(node: Node) -> str:
    """The text of a comment without its stars."""
    lines = _text(node).removeprefix("/*").removeprefix("*").removesuffix("*/").splitlines()
    return "\n".join(re.sub(r"^ \* ?", "", line).rstrip() for line in lines).strip()
