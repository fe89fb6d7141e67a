"""Doctor's report in formats that other programs read. Each turns one Verdict into the text of a document."""

from __future__ import annotations
