"""Every check, in the order of the report: duplicates, stuck work, configuration, schema."""

from __future__ import annotations

from bossctl.doctor import duplicates, schema, stuck
from bossctl.doctor.check import Check

CHECKS: tuple[Check, ...] = (*duplicates.CHECKS, *stuck.CHECKS, *schema.CHECKS)
