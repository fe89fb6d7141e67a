"""Text that breaks screens and parsers, as people really put it into queues."""

from __future__ import annotations

from typing import Any

MARKUP = "[red]sale[/red] [bold][link=file:///etc/passwd]click[/link] [/nothing"
ESCAPES = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\x1b[H \x9b31m \x08\x08\r\n\ttab"
BIDI = "\u202egnp.exe\u202c \u2066isolate\u2069 \u200fמשלוח مرحبا\u200e"
EMOJI = "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 e\u0301 ﷽ 表\ufe0f \u200b\u200d zero"
LONG_WORD = "w" * 5_000
BIG_BYTES = 10_000_000

PAYLOADS: tuple[Any, ...] = (
    {"subject": MARKUP, "[red]key[/red]": 1},
    {"subject": ESCAPES},
    {"subject": BIDI, "\u202eyek": True},
    {"subject": EMOJI},
    {"word": LONG_WORD, "empty": "", "null": None, "list": [], "object": {}},
    {"deep": [[[[[[[[[["bottom"]]]]]]]]]], "lines": "one\ntwo\r\nthree\u2028four"},
    {},
    None,
)
# JavaScript cannot hold these numbers: they are put in as JSON text.
EXACT_NUMBERS = (
    '{"huge": 12345678901234567890.00000000000000000001, "beyond": 9007199254740993, '
    '"one": 1.00000000000000000001, "tiny": 1e-300, "negative": -0}'
)
ERRORS = (MARKUP, ESCAPES, BIDI)

# pg-boss 8 and 9 take any name; 10 and 11 any that has a word character (but a quote or a backslash breaks their
# SQL); 12 letters, digits, _ . - and, from 12.13, /.
NAMES_UP_TO_11 = ("[red]x[/red]", "a b/ünï 日本 \u202eltr", "\x1b[31mred\x1b[0m", '50% _off; "q"')
NAMES_UP_TO_9 = ("it's; --", "back\\slash", "%")
NAMES_FROM_12 = ("a.b-c_D.9", "-", "n" * 200)
NAMES_FROM_12_13 = ("team/alpha/..",)


def big_payload() -> dict[str, str]:
    """Ten megabytes of JSON, of a kind that PostgreSQL compresses."""
    line = "the quick brown fox jumps over the lazy dog "
    return {"blob": line * (BIG_BYTES // len(line))}
