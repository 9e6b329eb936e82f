# SPDX-License-Identifier: BSL-1.0
"""C++ as tokens, enough for the checks here: no comments, no contents of literals, no preprocessor."""
import bisect
import re
from typing import NamedTuple


class Token(NamedTuple):
    text: str
    line: int


TOKEN = re.compile(
    r"""
      (?P<skip> //(?:[^\n\\]|\\.|\\\n)*  |  /\*.*?\*/  |  \s+ )
    | (?P<directive> ^[ \t]*\#(?:[^\n\\]|\\\n|\\.)* )
    | (?P<literal> (?:u8|[uUL])?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"
                 | (?:u8|[uUL])?"(?:[^"\\\n]|\\.)*" | (?:u8|[uUL])?'(?:[^'\\\n]|\\.)+' )
    | (?P<word> [A-Za-z_]\w* | \.?\d(?:'?[\w.]|(?<=[eEpP])[+-])* )
    | (?P<sign> ->\*? | :: | \.\.\. | && | \|\| | [-+*/%^&|=!<>]= | \+\+ | -- | . )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def tokens(text):
    starts = [match.start() for match in re.finditer(r"^", text, re.MULTILINE)]
    found = []
    for match in TOKEN.finditer(text):
        if match.lastgroup in ("word", "sign"):
            found.append(Token(match.group(), bisect.bisect_right(starts, match.start())))
        elif match.lastgroup in ("literal", "delimiter"):
            found.append(Token('""', bisect.bisect_right(starts, match.start())))
    return found


def pairs(code):
    """The index of the closing bracket for each opening one, and the reverse."""
    other, opened = {}, []
    for i, token in enumerate(code):
        if token.text in ("(", "[", "{"):
            opened.append(i)
        elif token.text in (")", "]", "}") and opened:
            start = opened.pop()
            other[start], other[i] = i, start
    return other


def lambda_bodies(code, other):
    """Maps the opening brace of each lambda's body to its closing one."""
    bodies = {}
    for i, token in enumerate(code):
        if token.text != "[" or i not in other:
            continue
        before = code[i - 1].text if i else ";"
        if re.match(r"\w", before) and before not in ("return", "co_return", "co_yield", "co_await", "case"):
            continue  # a subscript
        if before in (")", "]", '""', "[") or code[i + 1].text == "[":
            continue  # a subscript, an attribute
        j = other[i] + 1
        while j < len(code) and code[j].text not in ("{", ";", ")", "]", "}", ","):
            j = other.get(j, j) + 1 if code[j].text in ("(", "[") else j + 1
        if j < len(code) and code[j].text == "{" and j in other:
            bodies[j] = other[j]
    return bodies
