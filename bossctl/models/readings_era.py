"""Readings that hold nothing: whether this generation records what a check asks about at all."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shutdowns:
    """This generation records that a worker which was stopped gave its jobs back."""
