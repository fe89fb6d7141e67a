"""Widgets that know Textual but neither the database nor the screens that use them."""

from __future__ import annotations
