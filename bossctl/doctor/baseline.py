"""The baseline of doctor: a file of findings that are known already, so that only new ones fail."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import NamedTemporaryFile

from bossctl.errors import UsageError
from bossctl.files import read_whole
from bossctl.format import clean, truncate
from bossctl.models.findings import Report, Status

FORMAT_VERSION = 1
_FINGERPRINT = re.compile(r"([A-Z]{3}[0-9]{2})-[0-9a-f]{16}")
_KEYS = ("code", "queue", "subject", "fingerprint")
_HINT = "bossctl doctor --baseline FILE --update-baseline writes a good one"


@dataclass(frozen=True)
class Known:
    """One finding of the file. Only the fingerprint counts; the rest says to people what it stands for."""

    code: str
    queue: str | None
    subject: str
    fingerprint: str


@dataclass(frozen=True)
class Baseline:
    """The findings that are known, in the order of the file."""

    findings: tuple[Known, ...] = ()

    @property
    def fingerprints(self) -> frozenset[str]:
        """What findings are compared by."""
        return frozenset(one.fingerprint for one in self.findings)


def parse(text: str) -> Baseline:
    """The baseline a file's text holds. Raises UsageError that names what is wrong and where."""
    body = _json(text)
    if not isinstance(body, dict):
        raise _wrong(f"holds {_kind(body)} where an object belongs")
    for key in ("bossctl", "findings"):
        if key not in body:
            raise _wrong(f'has no key "{key}"')
    if body["bossctl"] != FORMAT_VERSION or body["bossctl"] is True:
        raise _wrong(f"is of format {_shown(body['bossctl'])}, and this bossctl reads format {FORMAT_VERSION}")
    _no_others(body, ("bossctl", "findings"), "")
    listed = body["findings"]
    if not isinstance(listed, list):
        raise _wrong(f"findings is {_kind(listed)}, not a list")
    return _distinct([_known(one, f"findings[{index}]") for index, one in enumerate(listed)])


def render(baseline: Baseline) -> str:
    """The file's text: a finding on each line, in an order that does not depend on the run."""
    listed = [f"    {_object(one)}" for one in sorted(baseline.findings, key=_order)]
    inside = ",\n".join(listed)
    findings = f"[\n{inside}\n  ]" if listed else "[]"
    return f'{{\n  "bossctl": {FORMAT_VERSION},\n  "findings": {findings}\n}}\n'


def read(path: Path) -> Baseline | None:
    """The baseline in a file, None where there is no file. Raises UsageError."""
    try:
        return parse(read_whole(path).decode("utf-8-sig"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise _named(path, _wrong("is not UTF-8 text")) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the baseline {clean(str(path))}: {_reason(error)}") from None
    except UsageError as error:
        raise _named(path, error) from None


def write(path: Path, baseline: Baseline) -> None:
    """Write the file whole or not at all, readable by its owner only. Raises UsageError."""
    place = path.resolve()
    try:
        if place.exists() and not place.is_file():
            raise UsageError(f"cannot write the baseline {clean(str(path))}: it is not a regular file")
        _replace(place, render(baseline))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write the baseline {clean(str(path))}: {_reason(error)}") from None


def _replace(place: Path, text: str) -> None:
    with NamedTemporaryFile(
        "w", encoding="utf-8", dir=place.parent, prefix=f".{place.name[:40]}.", delete=False
    ) as new:
        try:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
            Path(new.name).replace(place)
        except BaseException:
            Path(new.name).unlink()
            raise


def updated(baseline: Baseline, report: Report, queues: Sequence[str] = ()) -> Baseline:
    """What is known after this run: all it found, and what it did not look for."""
    found = tuple(Known(one.code, one.queue, one.subject, one.fingerprint) for one in report.findings)
    fingerprints = {one.fingerprint for one in (*found, *gone(baseline, report, queues))}
    kept = (one for one in baseline.findings if one.fingerprint not in fingerprints)
    return Baseline(tuple(sorted((*found, *kept), key=_order)))


def gone(baseline: Baseline, report: Report, queues: Sequence[str] = ()) -> tuple[Known, ...]:
    """What is known and was looked for (its check ran, its queue was asked for by `queues`), and is not there."""
    ran = {check.code for check in report.checks if check.status is not Status.SKIPPED}
    found = {one.fingerprint for one in report.findings}
    return tuple(
        one
        for one in baseline.findings
        if one.code in ran and one.fingerprint not in found and _asked_for(one.queue, queues)
    )


def _asked_for(queue: str | None, globs: Sequence[str]) -> bool:
    return not globs or queue is None or any(fnmatchcase(queue, glob) for glob in globs)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _wrong(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _wrong("is not a baseline: it is nested too deep") from None
    except ValueError:  # whole numbers of thousands of digits
        raise _wrong("is not a baseline: it holds a number too long to read") from None


def _known(value: object, place: str) -> Known:
    if not isinstance(value, dict):
        raise _wrong(f"{place} is {_kind(value)}, not an object")
    _no_others(value, _KEYS, f"{place}: ")
    for key in _KEYS:
        if key not in value:
            raise _wrong(f'{place} has no key "{key}"')
        if not isinstance(value[key], str) and not (key == "queue" and value[key] is None):
            raise _wrong(f"{place}: {key} is {_kind(value[key])}, not a string")
    match = _FINGERPRINT.fullmatch(value["fingerprint"])
    if match is None:
        raise _wrong(f"{place}: {_shown(value['fingerprint'])} is not a fingerprint")
    if match[1] != value["code"]:
        raise _wrong(f"{place}: the fingerprint {match[0]} is not one of code {_shown(value['code'])}")
    return Known(**{key: value[key] for key in _KEYS})


def _no_others(value: Mapping[str, object], keys: Iterable[str], place: str) -> None:
    unknown = sorted(set(value) - set(keys))
    if unknown:
        raise _wrong(f"{place}unknown key {_shown(unknown[0])}")


def _distinct(findings: Sequence[Known]) -> Baseline:
    places: dict[str, int] = {}
    for index, one in enumerate(findings):
        first = places.setdefault(one.fingerprint, index)
        if first != index:
            raise _wrong(f"findings[{index}] is findings[{first}] again: {one.fingerprint}")
    return Baseline(tuple(findings))


def _order(one: Known) -> tuple[str, bool, str, str, str]:
    return one.code, one.queue is not None, one.queue or "", one.subject, one.fingerprint


def _object(one: Known) -> str:
    return "{" + ", ".join(f'"{key}": {_text(getattr(one, key))}' for key in _KEYS) + "}"


def _text(value: str | None) -> str:
    """A JSON string, readable in any script; what is invisible or a control character is escaped."""
    return json.dumps(value, ensure_ascii=value is None or clean(value) != value)


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
    return "a list" if isinstance(value, list) else "an object"


def _shown(value: object) -> str:
    return truncate(clean(json.dumps(value, ensure_ascii=False)), 60)


def _wrong(what: str) -> UsageError:
    return UsageError(what, _HINT)


def _named(path: Path, error: UsageError) -> UsageError:
    return UsageError(f"the baseline {clean(str(path))}: {error}", error.hint)


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or clean(str(error))
