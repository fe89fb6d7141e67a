"""The command line: typer commands over the store, one writer to stdout, one place for exit codes."""

from __future__ import annotations
