"""Progress of runs: a bar with counts on a terminal or in a notebook, nothing elsewhere.

`tally` counts, `view` renders, `terminal` and `notebook` display, `bar` updates the display from a thread, and
`progress` is the public function. A display that fails affects no run.
"""
