"""Frozen data passed between layers, one module per area, imported where it is used.

Timestamps are timezone-aware UTC `datetime`s. PostgreSQL's `infinity` is `datetime.max`, `-infinity` is
`datetime.min` (both with UTC); None means the column is NULL or absent. Durations are seconds.
"""

from __future__ import annotations
