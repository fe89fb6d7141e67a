"""From tokens to the tree: NOT binds tightest, then AND (side by side), then OR."""

from __future__ import annotations

import re
from itertools import islice, takewhile

from bossctl.format import clean, truncate
from bossctl.selector.keys import KEYS
from bossctl.selector.lexer import Token, lex
from bossctl.selector.problem import Problem, SelectorError
from bossctl.selector.tree import CONDITIONS, STATES, And, Expr, Ids, Not, Or
from bossctl.selector.values import ID, ids_of, term_of

DEEPEST = 50
"""How deep parentheses and NOT may nest."""

_OPERATORS = ("OR", "AND", "NOT")
_TEXT_KEYS = ("queue", "key", "error", "data", "output")
_PART_OF_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]*")
_HABITS = {"||": "OR", "|": "OR", "&&": "AND", "&": "AND", "-": "NOT"}


def parse(text: str) -> Expr:
    """The selection `text` asks for.

    Raises SelectorError, with the place, for everything that is not of the language, an empty text included.
    """
    try:
        return _Parser(lex(text), len(text)).whole()
    except Problem as problem:
        raise SelectorError(problem.message, problem.hint, text=text, position=problem.position) from None


class _Parser:
    def __init__(self, tokens: list[Token], end: int) -> None:
        self._tokens = tokens
        self._end = end
        self._next = 0
        self._depth = 0

    def whole(self) -> Expr:
        if not self._tokens:
            raise Problem(0, "the selection is empty", "e.g. queue:email* state:failed")
        expr = self._any()
        if self._next < len(self._tokens):
            raise Problem(self._tokens[self._next].start, "this parenthesis closes nothing")
        return expr

    def _operator(self) -> str | None:
        """The operator or parenthesis that comes next, if one does."""
        if self._next >= len(self._tokens):
            return None
        token = self._tokens[self._next]
        if token.kind == "!":
            return "NOT"
        if token.kind == "word":
            return token.text.upper() if token.text.upper() in _OPERATORS else None
        return token.kind if token.kind in ("(", ")") else None

    def _any(self) -> Expr:
        items = [self._all()]
        while self._operator() == "OR":
            self._next += 1
            items.append(self._all())
        return Or(tuple(items)) if len(items) > 1 else items[0]

    def _all(self) -> Expr:
        # Bare ids side by side are one set: as an AND they could never hold.
        items: list[Expr] = []
        ids: list[str] = []
        place = 0
        wanted = True
        while wanted or self._goes_on():
            bare = self._bare_ids()
            if bare and not ids:
                place = len(items)
            ids.extend(bare)
            if not bare:
                items.append(self._one())
            wanted = self._operator() == "AND"
            self._next += wanted
        if ids:
            items.insert(place, Ids(tuple(dict.fromkeys(ids))))
        return And(tuple(items)) if len(items) > 1 else items[0]

    def _goes_on(self) -> bool:
        return self._next < len(self._tokens) and self._operator() not in ("OR", ")")

    def _bare_ids(self) -> tuple[str, ...]:
        if self._next >= len(self._tokens):
            return ()
        token = self._tokens[self._next]
        if token.kind != "word" or not ID.match(token.text):
            return ()
        self._next += 1
        return ids_of(token.value._replace(raw=token.text, start=token.start))

    def _one(self) -> Expr:
        nots = 0
        while self._operator() == "NOT":
            nots += 1
            self._deeper()
            self._next += 1
        expr = self._atom()
        for _ in range(nots):
            expr = Not(expr)
        self._depth -= nots
        return expr

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Problem(self._tokens[self._next].start, f"this nests deeper than {DEEPEST} levels")

    def _atom(self) -> Expr:
        operator = self._operator()
        if operator == "(":
            return self._parenthesis()
        if self._next >= len(self._tokens) or operator:
            raise self._missing()
        bare = self._bare_ids()
        if bare:
            return Ids(bare)
        token = self._tokens[self._next]
        if token.kind == "word":
            raise _bare_word(self._tokens, self._next)
        self._next += 1
        return term_of(token)

    def _parenthesis(self) -> Expr:
        opening = self._tokens[self._next]
        self._deeper()
        self._next += 1
        expr = self._any()
        if self._operator() != ")":
            raise Problem(opening.start, "this parenthesis is not closed", "quote the expression, and close it")
        self._next += 1
        self._depth -= 1
        return expr

    def _missing(self) -> Problem:
        if self._next >= len(self._tokens):
            return Problem(self._end, "a term is missing at the end")
        token = self._tokens[self._next]
        return Problem(token.start, f"a term is missing before {token.text}")


def _bare_word(tokens: list[Token], place: int) -> Problem:
    token = tokens[place]
    shown = truncate(clean(token.text), 40)
    message = f'bare word "{shown}" is neither an id nor an operator'
    return Problem(token.start, message, _split_by_the_shell(tokens, place) or _advice(token))


def _split_by_the_shell(tokens: list[Token], place: int) -> str | None:
    before = tokens[place - 1] if place else None
    if tokens[place].text in _HABITS or before is None or before.kind != "term":
        return None
    if before.value.quoted or before.key[0].lower() not in _TEXT_KEYS:
        return None
    rest = takewhile(lambda token: token.kind == "word" and token.text.upper() not in _OPERATORS, tokens[place:])
    words = " ".join([before.value.raw, *(token.text for token in islice(rest, 10))])
    return f"quote the expression: {_in_shell(before.key, words)}"


def _advice(token: Token) -> str:
    word = token.text.lower()
    if token.text in _HABITS:
        return f"write {_HABITS[token.text]}"
    if word in STATES:
        return f"write state:{word}"
    if word in CONDITIONS:
        return f"write is:{word}"
    if _PART_OF_ID.fullmatch(word):
        return "a job id is a whole UUID"
    for key in KEYS:
        if word == key.name:
            return f"write it as in {key.example}"
    return f"quote the expression, e.g. {_in_shell(('error',), token.value.text or token.text)}; a queue is queue:NAME"


def _in_shell(key: tuple[str, ...], words: str) -> str:
    return f"""'{clean(".".join(key))}:"{truncate(clean(words), 40)}"'"""
