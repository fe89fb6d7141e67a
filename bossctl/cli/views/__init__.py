"""What people see: readings drawn as tables and text. Cleaning is done where text meets the printer."""

from __future__ import annotations
