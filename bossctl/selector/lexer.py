"""From text to tokens: parentheses, `!`, words, and terms with their key and raw value; each knows its place."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from bossctl.selector.problem import Problem

_SPACE = re.compile(r"\s*+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"|' + r"'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_BARE = re.compile(r"(?:[^\s()\\]|\\.|\\\Z)*+", re.DOTALL)
_WORD = re.compile(r"[^\s()]++")
_SEGMENT = rf"(?:{_QUOTED.pattern}|[^\s.:()\"'!]++)"
_KEY = re.compile(rf"{_SEGMENT}(?:\.{_SEGMENT})*+:", re.DOTALL)
_SEGMENTS = re.compile(_SEGMENT, re.DOTALL)
_ESCAPED = re.compile(r"\\([\\\"'*?\s().:!,])")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")
_STRAY_QUOTE = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)


class Value(NamedTuple):
    """What stands after the colon: `raw` with its escapes but without its quotes, and where it begins."""

    raw: str
    start: int
    quoted: bool

    @property
    def text(self) -> str:
        return unescape(self.raw)


class Token(NamedTuple):
    """`kind` is `(`, `)`, `!`, `word` or `term`; a term has the segments of its key and a value."""

    kind: Literal["(", ")", "!", "word", "term"]
    start: int
    end: int
    text: str
    key: tuple[str, ...] = ()
    value: Value = Value("", 0, False)


def unescape(raw: str) -> str:
    """A backslash goes where it makes a sign of the language literal, and stays elsewhere (`C:\\temp`)."""
    return _ESCAPED.sub(r"\1", raw)


def lex(text: str) -> list[Token]:
    """All tokens of `text`; raises Problem."""
    bad = _NOT_TEXT.search(text)
    if bad:
        raise Problem(bad.start(), "no text in a database holds this character")
    found: list[Token] = []
    position = _after_space(text, 0)
    while position < len(text):
        found.append(_token(text, position))
        position = _after_space(text, found[-1].end)
    return found


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _token(text: str, start: int) -> Token:
    char = text[start]
    if char == "(" or char == ")" or char == "!":
        return Token(char, start, start + 1, char)
    key = _KEY.match(text, start)
    if key:
        return _term(text, key)
    if char in "\"'":
        return _phrase(text, start)
    word = _WORD.match(text, start)
    end = word.end() if word else start + 1
    return Token("word", start, end, text[start:end])


def _term(text: str, key: re.Match[str]) -> Token:
    segments = tuple(_segment(match) for match in _SEGMENTS.finditer(text, key.start(), key.end() - 1))
    start = key.end()
    if text[start : start + 1] in ('"', "'"):
        value, end = _quoted(text, start)
    else:
        value, end = _bare(text, start)
    return Token("term", key.start(), end, text[key.start() : end], segments, value)


def _segment(match: re.Match[str]) -> str:
    return match[0] if match[0][0] not in "\"'" else unescape(match[0][1:-1])


def _quoted(text: str, start: int) -> tuple[Value, int]:
    match = _QUOTED.match(text, start)
    if match is None:
        raise Problem(start, "this quote is not closed", "quote the expression, and close the quotes inside it")
    end = match.end()
    if end < len(text) and not text[end].isspace() and text[end] != ")":
        raise Problem(end, "a space belongs after the closing quote", r"a quote inside a quoted value is written \"")
    return Value(match[0][1:-1], start + 1, True), end


def _bare(text: str, start: int) -> tuple[Value, int]:
    match = _BARE.match(text, start)
    end = match.end() if match else start
    raw = text[start:end]
    if text[end : end + 1] == "(" and raw:
        raise Problem(end, "a parenthesis inside a value needs quotes", 'quote the value, e.g. error:"f(x)"')
    stray = _STRAY_QUOTE.match(raw)
    if stray:
        raise Problem(start + stray.end() - 1, "quotes go around the whole value", 'e.g. error:"connection refused"')
    return Value(raw, start, False), end


def _phrase(text: str, start: int) -> Token:
    value, end = _quoted(text, start)
    return Token("word", start, end, text[start:end], value=value)
