"""What both front ends show: ages, counts, sizes, moments, bars, and database text made harmless.

Every function is pure and takes plain values; `None` means unknown and never shows as zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import overload

from bossctl.errors import UsageError

UNKNOWN = "?"
ABSENT = "-"
ELLIPSIS = "…"

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST = 36_500 * 86_400
_DURATION = re.compile(
    r"(?:(?P<d>[0-9]{1,10})d)?(?:(?P<h>[0-9]{1,10})h)?(?:(?P<m>[0-9]{1,10})m)?(?:(?P<s>[0-9]{1,10})s)?"
)
_DURATION_HINT = "a duration is whole seconds or units: 90, 90s, 15m, 2h, 7d, 1h30m"


def duration(seconds: float | None) -> str:
    """An age or a run time in its two largest units, rounded down: `42s`, `3m10s`, `2h05m`, `6d4h`."""
    if seconds is None or math.isnan(seconds):
        return UNKNOWN
    sign = "-" if seconds < 0 else ""
    if math.isinf(seconds):
        return f"{sign}∞"
    whole = int(abs(seconds))
    if whole == 0:
        return "0s"
    return sign + _two_units(whole)


def _two_units(whole: int) -> str:
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return _pair(whole, 60, "m", 1, "s")
    if whole < 86_400:
        return _pair(whole, 3_600, "h", 60, "m")
    days, rest = divmod(whole, 86_400)
    hours = rest // 3_600
    return f"{days}d{hours}h" if hours and days < 100 else f"{days}d"


def _pair(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    high, rest = divmod(whole, large)
    low = rest // small
    return f"{high}{large_unit}{low:02}{small_unit}" if low else f"{high}{large_unit}"


age = duration
"""The same in words of time gone by."""


def elapsed(seconds: float | None) -> str:
    """A run time that may be short: `350ms`, `1.2s`, and from ten seconds on as `duration`."""
    if seconds is None or math.isnan(seconds) or not 0 <= seconds < 10:
        return duration(seconds)
    milliseconds = int(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds < 1000 else f"{milliseconds // 100 / 10:g}s"


def exact_duration(seconds: int) -> str:
    """Whole seconds in every unit they have, so that `parse_duration` gives them back: `1d2h3s`, `0s`."""
    if seconds < 0:
        raise ValueError("a duration is not negative")
    parts: list[str] = []
    rest = seconds
    for unit, length in _UNITS.items():
        amount, rest = divmod(rest, length)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def parse_duration(text: str) -> int:
    """Seconds in `90`, `90s`, `15m`, `2h`, `7d` or `1h30m` (units from large to small).

    Raises UsageError, with a hint, for anything else and for more than a hundred years.
    """
    given = text.strip()
    if re.fullmatch(r"[0-9]{1,10}", given):
        return _bounded(int(given))
    match = _DURATION.fullmatch(given)
    if match is None or not given:
        raise UsageError(_why_no_duration(given), _DURATION_HINT)
    return _bounded(sum(int(match[unit] or 0) * length for unit, length in _UNITS.items()))


def _bounded(seconds: int) -> int:
    if seconds > _LONGEST:
        raise UsageError("the duration is longer than a hundred years", _DURATION_HINT)
    return seconds


def _why_no_duration(given: str) -> str:
    shown = truncate(clean(given), 40)
    if re.search(r"[0-9](?:ms|us|µs|ns)", given):
        return f'"{shown}" is finer than a second, and durations are whole seconds'
    if re.search(r"[0-9][.,][0-9]", given):
        return f'"{shown}" has a fraction, and durations are whole numbers'
    return f'"{shown}" is not a duration' if given else "the duration is empty"


def count(value: float | None, *, estimate: bool = False) -> str:
    """A number of things: exact below 10 000, then short (`12k`, `222k`, `1.2M`); `~` marks an estimate."""
    if value is None or math.isnan(value):
        return UNKNOWN
    return ("~" if estimate else "") + _short(value)


def _short(value: float) -> str:
    if abs(value) < 10_000:
        return f"{value:.0f}"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    scaled = float(value)
    for unit in ("k", "M", "G", "T"):
        scaled /= 1000
        if abs(scaled) < 9.95:
            return f"{scaled:.1f}".removesuffix(".0") + unit
        if abs(scaled) < 999.5:
            return f"{scaled:.0f}{unit}"
    return f"{scaled:.0f}T"


def size(octets: int | None) -> str:
    """Bytes as PostgreSQL writes them, in powers of 1024: `512 bytes`, `8 kB`, `1.2 MB`."""
    if octets is None:
        return UNKNOWN
    if abs(octets) < 1024:
        return f"{octets} bytes"
    scaled = float(octets)
    for unit in ("kB", "MB", "GB", "TB"):
        scaled /= 1024
        if abs(scaled) < 9.95:
            return f"{scaled:.1f}".removesuffix(".0") + f" {unit}"
        if abs(scaled) < 1023.5:
            return f"{scaled:.0f} {unit}"
    return f"{scaled:.0f} TB"


def percent(part: float | None, whole: float | None) -> str:
    """A share, honest at the ends: `<1%` for a little, `>99%` for nearly all, `?` of nothing or unknown."""
    if part is None or not whole:
        return UNKNOWN
    share = 100 * part / whole
    if 0 < share < 1:
        return "<1%"
    return ">99%" if 99 < share < 100 else f"{share:.0f}%"


def timestamp(moment: datetime | None) -> str:
    """A moment for tables, UTC to the second: `2026-01-02 03:04:05Z`; `infinity`; `-` for none."""
    if moment is None:
        return ABSENT
    return _endless(moment) or f"{_utc(moment).replace(microsecond=0, tzinfo=None)}Z"


@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: datetime) -> str: ...
def iso(moment: datetime | None) -> str | None:
    """A moment for programs, ISO 8601 UTC with microseconds: `2026-01-02T03:04:05.123456Z`.

    `datetime.max` and `datetime.min` stand for PostgreSQL's infinities and stay words; a naive moment is UTC.
    """
    if moment is None:
        return None
    return _endless(moment) or _utc(moment).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _endless(moment: datetime) -> str | None:
    wall = moment.replace(tzinfo=None)
    if wall == datetime.max:
        return "infinity"
    return "-infinity" if wall == datetime.min else None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC)


_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff]+"
)
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")
_PLANE_ENDS = "".join(f"{chr(plane << 16 | 0xFFFE)}-{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
_UNSAFE_ASTRAL = re.compile(
    "[\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    f"\U000e0000-\U000e0fff{_PLANE_ENDS}]+"
)
# Joiners and variation selectors that only style an emoji are left out: terminals disagree by a cell or more on
# the width of such sequences, and agree on the bare signs. Anywhere else they are shown like the rest.
_STYLING = re.compile(
    f"(?<=[{_EMOJI}])\ufe0f(?:\u200d(?=[{_EMOJI}]))?|(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])|(?<=[0-9#*])\ufe0f(?=\u20e3)"
)


class _Escapes(dict[int, str]):
    """What stands for an unsafe character: a control picture for C0 and DEL, else its escape as Python spells it."""

    def __missing__(self, code: int) -> str:
        if code < 0x20:
            shown = chr(0x2400 + code)
        elif code == 0x7F:
            shown = "␡"
        else:
            shown = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
        self[code] = shown
        return shown


_ESCAPES = _Escapes()


def clean(text: str, *, newline: bool = False) -> str:
    """`text` with every control, bidirectional, invisible and malformed character made visible and harmless.

    ESC becomes `␛`, U+009B `\\x9b`, a right-to-left override `\\u202e`, so each cell on screen is accounted for.
    Ordinary letters of any script, combining accents and emoji stay. With `newline`, line feeds stay too.
    """
    if text.isascii() and text.isprintable():
        return text
    # The three that fill long texts go first: replacing one character is far faster than matching it.
    text = text.replace("\t", "␉").replace("\r", "␍")
    text = _UNSAFE.sub(_visible, text if newline else text.replace("\n", "␊"))
    return _UNSAFE_ASTRAL.sub(_visible, text) if _ASTRAL.search(text) else text


def _visible(match: re.Match[str]) -> str:
    run = match[0]
    if run[0] in "\ufe0f\u200d" and (styling := _STYLING.match(match.string, match.start())):
        run = run[len(styling[0]) :]
    return run.translate(_ESCAPES)


def cell_width(text: str) -> int:
    """The terminal cells `text` takes, as rich and Textual measure them; `text` must be clean."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def truncate(text: str, width: int) -> str:
    """`text` if it fits in `width` cells, else its beginning with `…` as the last cell; never a half wide sign."""
    if width <= 0:
        return ""
    # Nothing shown needs more than a few code points a cell; megabytes are not measured for a column.
    head = text[: 8 * width + 8]
    if len(head) == len(text) and cell_width(text) <= width:
        return text
    if head.isascii():
        return head[: width - 1] + ELLIPSIS
    from rich.cells import set_cell_size

    cut = set_cell_size(head, width - 1)
    return (cut if head.startswith(cut) else cut[:-1]) + ELLIPSIS


_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_DEEPEST = 24
_CLOSING = {"{": "}", "[": "]"}


def pretty_json(text: str, *, indent: int = 2) -> str:
    """JSON text re-indented token by token: numbers, strings and key order stay as the database wrote them.

    Takes text that was cut off in the middle, and ends where it ends. What lies deeper than 24 levels stays on
    one line, so that the result is never much longer than the text.
    """
    return "".join(_pieces(_TOKEN.findall(text), indent))


def _pieces(tokens: Sequence[str], indent: int) -> Iterator[str]:
    depth = 0
    previous = ""
    for token in tokens:
        if token in ("}", "]"):
            depth = max(depth - 1, 0)
            if previous not in _CLOSING:
                yield _break(depth, depth + 1, indent)
        elif previous in _CLOSING or previous == ",":
            yield _break(depth, depth, indent) or (" " if previous == "," else "")
        elif previous == ":":
            yield " "
        elif previous and token not in (",", ":"):
            yield "\n"
        yield token
        depth += token in _CLOSING
        previous = token


def _break(depth: int, level: int, indent: int) -> str:
    return "" if level > _DEEPEST else "\n" + " " * (indent * depth)


_SPARKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The last `width` values as bars from zero to their maximum, right-aligned; an unknown value is a gap."""
    shown = values[-width:] if width > 0 else ()
    known = [value for value in shown if value is not None and math.isfinite(value)]
    top = max(known, default=0)
    return "".join(_spark(value, top) for value in shown).rjust(max(width, 0))


def _spark(value: float | None, top: float) -> str:
    if value is None or math.isnan(value):
        return " "
    if value <= 0 or top <= 0:
        return _SPARKS[0]
    return _SPARKS[min(math.ceil(value / top * len(_SPARKS)) - 1, len(_SPARKS) - 1)] if value < top else _SPARKS[-1]


def split_width(counts: Sequence[int], width: int) -> tuple[int, ...]:
    """Cells for each count, together `width`, by largest remainder; no count above zero is left without one.

    All zero where there is nothing to show. With more counts above zero than cells, the largest get one each.
    """
    cells = [0] * len(counts)
    some = sorted((index for index, value in enumerate(counts) if value > 0), key=lambda index: (-counts[index], index))
    some = some[: max(width, 0)]
    while some:
        total = sum(counts[index] for index in some)
        if counts[some[-1]] * width >= total:
            break
        cells[some.pop()] = 1
        width -= 1
    _share_out(cells, counts, some, width)
    return tuple(cells)


def _share_out(cells: list[int], counts: Sequence[int], some: Sequence[int], width: int) -> None:
    total = sum(counts[index] for index in some)
    for index in some:
        cells[index] = counts[index] * width // total
    left = width - sum(cells[index] for index in some)
    for index in sorted(some, key=lambda index: -(counts[index] * width % total))[:left]:
        cells[index] += 1


def histogram_bar(counts: Sequence[int], width: int, glyphs: str = "█▓▒░") -> str:
    """One bar of `width` cells for several counts, count i drawn with glyph i (they repeat); empty for no counts."""
    return "".join(glyphs[index % len(glyphs)] * cells for index, cells in enumerate(split_width(counts, width)))
