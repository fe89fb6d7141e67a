"""The terminal UI: screens over a reader and an operator, widgets that draw by the line."""

from __future__ import annotations
