"""Progress of runs: a bar with counts on a terminal or in a notebook, a line now and then elsewhere.

`tally` counts, `summary` and `view` render, `terminal`, `notebook` and `lines` display, `bar` updates the display from
a thread, and `progress` is the public function. A display that fails affects no run.
"""
