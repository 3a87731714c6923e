"""The journal of a batch: a file by which a batch goes on that was interrupted. `Journal` is its public name.

`identity` and `entry` are pure: which item is which, and what is done with it. `codec`, `file`, `writer` and `store`
keep the entries, and `item` launches an item.
"""

from __future__ import annotations

from .journal import Journal

__all__ = ["Journal"]
