"""How runs are seen while they go on: a bar with counts, on a terminal or in a notebook, and nothing elsewhere.

`tally` counts, `view` says what is shown, `terminal` and `notebook` show it, `bar` brings it up to date, `progress` is
what users call. Whatever is wrong with a display costs no run anything.
"""
