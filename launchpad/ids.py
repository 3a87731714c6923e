"""Ids of runs."""

from __future__ import annotations

import os


def new_id() -> str:
    """A random UUID (version 4 of RFC 9562). Thread-safe, also across forks."""
    digits = (random := os.urandom(16)).hex()
    variant = "89ab"[random[8] & 3]  # uuid.uuid4 takes three times as long
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
