"""Actions on jobs: one engine plans and applies them, `kinds` says what each of them is."""

from __future__ import annotations
