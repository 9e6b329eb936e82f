# SPDX-License-Identifier: BSL-1.0
"""Where g++ 12 compiles co_await wrongly, and one signature that misleads.

The compiler keeps some temporaries of a full expression in the wrong place, or destroys them twice, when it suspends
in the condition of a statement, beside a braced aggregate, or in an arm of a conditional operator. Nothing warns.
"""
import re

import cpp

STATEMENTS = {"if", "while", "for", "switch"}
# Where the operand of co_await has certainly ended.
ENDS = {";", ",", "?", ":", "&&", "||", "==", "!=", "+", "-", "/", "%", "|", "^", "=", ")", "]", "}"}


def declares(code):
    """Whether these tokens begin with a declaration that has an initialiser: TYPE NAME = ..., auto [a, b] = ..."""
    head = []
    for token in code:
        if token.text in ("=", "{"):
            break
        head.append(token.text)
    else:
        return False
    if head[:1] == ["const"]:
        head = head[1:]
    if head[:1] == ["auto"] and "[" in head:
        return head[-1] == "]"
    return (len(head) >= 2 and re.fullmatch(r"[A-Za-z_]\w*", head[-1]) is not None
            and (re.fullmatch(r"\w+|>|&|\*|&&", head[-2]) is not None) and "co_await" not in head
            and all(re.fullmatch(r"\w+|::|<|>|,|&|\*|&&", text) for text in head))


def split(code, begin, end, other, separator):
    """The parts of code[begin:end] between separators that stand in no bracket."""
    parts, start, i = [], begin, begin
    while i < end:
        if code[i].text == separator:
            parts.append((start, i))
            start = i + 1
        i = other[i] + 1 if code[i].text in ("(", "[", "{") and i in other else i + 1
    return parts + [(start, end)]


def awaits(code, begin, end, bodies):
    """The indices of co_await in code[begin:end], those in the bodies of lambdas left out."""
    i = begin
    while i < end:
        if i in bodies:
            i = bodies[i]
        elif code[i].text == "co_await":
            yield i
        i += 1


def check(path, text):
    if path.suffix not in (".hpp", ".cpp"):
        return
    code = cpp.tokens(text)
    other = cpp.pairs(code)
    bodies = cpp.lambda_bodies(code, other)

    for i, token in enumerate(code):
        if token.text in STATEMENTS:
            yield from condition(code, i, other, bodies)
        elif token.text == "co_await":
            yield from braces(code, i, other, bodies)
        elif token.text == "?":
            yield from conditional(code, i, other, bodies)
        elif (path.parts[:2] == ("lib", "include") and token.text == "awaitable"
              and [t.text for t in code[i + 1:i + 3]] == ["<", "bool"]):
            yield token.line, "a public awaitable<bool>: say what the two values are (an optional, an enum)"


def condition(code, i, other, bodies):
    name = code[i].text
    start = i + 1
    while start < len(code) and code[start].text in ("constexpr", "co_await"):
        start += 1
    if start >= len(code) or code[start].text != "(" or start not in other:
        return
    parts = split(code, start + 1, other[start], other, ";")
    if name == "for" and len(parts) == 1:
        return  # over a range, which is a declaration
    for begin, end in parts:
        for at in awaits(code, begin, end, bodies):
            if not declares(code[begin:end]):
                yield code[at].line, f"co_await in the head of {name}: give its result a name first"


def braces(code, i, other, bodies):
    j = i + 1
    while j < len(code) and code[j].text not in ENDS:
        j = j + 1 if code[j].text not in ("(", "[", "{") or j not in other else other[j] + 1
    k = i + 1
    while k < j:
        if k in bodies:
            k = bodies[k]
        elif code[k].text == "{":
            yield code[k].line, "braces in the operand of co_await: give that value a name first"
            return
        k += 1


def conditional(code, i, other, bodies):
    begin = i
    while begin > 0 and code[begin - 1].text not in (";", "{", "(", "[", ",", "=", "return", "co_return", "co_yield"):
        if code[begin - 1].text == "}" and not any(end == begin - 1 for end in bodies.values()):
            before = other.get(begin - 1)
            if before is None or not re.match(r"[\w>]", code[before - 1].text):
                break
        begin = other[begin - 1] if code[begin - 1].text in (")", "]", "}") and begin - 1 in other else begin - 1
    end = i
    while end < len(code) and code[end].text not in (";", ",", ")", "]", "}"):
        end = other[end] + 1 if code[end].text in ("(", "[", "{") and end in other else end + 1
    if next(awaits(code, begin, end, bodies), None) is not None:
        yield code[i].line, "co_await within a conditional operator: write an if"
