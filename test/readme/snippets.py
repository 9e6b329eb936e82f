# SPDX-License-Identifier: BSL-1.0
"""Cuts the C++ out of a Markdown text and says what each piece is.

A ```cpp block is a whole program, or a line right above its fence says what it is:

    <!-- snippet: WORD... -->

`server` is a program that serves until SIGTERM, `client` one that is run against the server before it, `program` one
that runs by itself. Any other word is the wrapper that the block goes into: wrap/WORD.cpp, at its line `// BODY`.
A block with a wrapper and none of the first three is compiled only.
"""
import pathlib
import re
from typing import NamedTuple

WRAPPERS = pathlib.Path(__file__).with_name("wrap")
ROLES = ("server", "client", "program")
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[^\s`]*)(?P<rest>.*)$")
MARK = re.compile(r"^ *<!-- snippet: (?P<words>[\w -]+?) -->$")
BODY = re.compile(r"^ *// BODY\n", re.MULTILINE)
MAIN = re.compile(r"^int main\(", re.MULTILINE)


class Refused(Exception):
    pass


class Snippet(NamedTuple):
    line: int  # of its first line of code in the Markdown
    role: str | None  # one of ROLES, or none: compiled only
    code: str  # a whole translation unit


def cut(text, wrappers=WRAPPERS):
    """The snippets of the text in order. Refused names the line of a block that is not marked or wrongly so."""
    lines = text.splitlines()
    found = []
    i = 0
    while i < len(lines):
        opened = FENCE.match(lines[i])
        if not opened:
            i += 1
            continue
        end = next((j for j in range(i + 1, len(lines)) if lines[j].strip() == opened["fence"]), None)
        if end is None:
            raise Refused(f"line {i + 1}: this block has no end")
        if opened["language"].lower() in ("cpp", "c++", "cxx", "cc"):
            if opened["language"] != "cpp":
                raise Refused(f"line {i + 1}: write ```cpp, so that the block is tested")
            mark = MARK.match(lines[i - 1]) if i else None
            indent = len(opened["indent"])
            body = "".join(line[min(indent, len(line) - len(line.lstrip())):] + "\n" for line in lines[i + 1:end])
            found.append(snippet(i + 2, mark["words"].split() if mark else [], body, wrappers))
        i = end + 1
    return found


def snippet(line, words, body, wrappers):
    roles = [word for word in words if word in ROLES]
    names = [word for word in words if word not in ROLES]
    whole = MAIN.search(body) is not None
    if len(roles) > 1 or len(names) > 1:
        raise Refused(f"line {line}: more than one role or wrapper: {' '.join(words)}")
    if not names:
        if not whole:
            raise Refused(f"line {line}: neither a whole program nor marked by a comment `<!-- snippet: ... -->` above")
        if not roles:
            raise Refused(f"line {line}: a whole program; mark it as server, client or program")
        return Snippet(line, roles[0], located(line, body))
    if whole:
        raise Refused(f"line {line}: a whole program needs no wrapper")
    wrapper = wrappers / f"{names[0]}.cpp"
    if not wrapper.is_file():
        raise Refused(f"line {line}: there is no wrapper {names[0]}")
    before, *after = BODY.split(wrapper.read_text())
    if len(after) != 1:
        raise Refused(f"{wrapper.name} has no line `// BODY`, or several")
    if roles and not MAIN.search(before + after[0]):
        raise Refused(f"line {line}: {names[0]} makes no program that could be run as {roles[0]}")
    return Snippet(line, roles[0] if roles else None, before + located(line, body) + after[0])


def located(line, body):
    """The compiler's messages name the line of the Markdown."""
    return f'#line {line} "README.md"\n{body}'
