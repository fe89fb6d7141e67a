"""The screens, one per file. A screen reads through its polls and says what it is about; the app moves between them."""

from __future__ import annotations
