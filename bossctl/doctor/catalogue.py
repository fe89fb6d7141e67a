"""Every check, in the order of the report: duplicates, stuck work, configuration, schema."""

from __future__ import annotations

from bossctl.doctor import (
    attempts,
    counters,
    duplicates,
    flows,
    identical,
    indexes,
    migrations,
    off_slot,
    orphans,
    policies,
    relatives,
    run_times,
    scheduler,
    schema,
    settings,
    slots,
    starving,
    storage,
    stuck,
    twins,
    waiting,
)
from bossctl.doctor.check import Check

_DUPLICATES = sorted(
    (
        *duplicates.CHECKS,
        *identical.CHECKS,
        *attempts.CHECKS,
        *policies.CHECKS,
        *relatives.CHECKS,
        *off_slot.CHECKS,
        *twins.CHECKS,
    ),
    key=lambda check: check.code,
)

CHECKS: tuple[Check, ...] = (
    *_DUPLICATES,
    *sorted(
        (
            *stuck.CHECKS,
            *waiting.CHECKS,
            *flows.CHECKS,
            *scheduler.CHECKS,
            *slots.CHECKS,
            *orphans.CHECKS,
            *starving.CHECKS,
        ),
        key=lambda check: check.code,
    ),
    *sorted((*run_times.CHECKS, *settings.CHECKS), key=lambda check: check.code),
    *sorted(
        (*schema.CHECKS, *indexes.CHECKS, *migrations.CHECKS, *storage.CHECKS, *counters.CHECKS),
        key=lambda check: check.code,
    ),
)
