"""The fault matrix: what happens to runs of each engine under each fault. `make faults` runs all of it.

`row.py` says what a row is, `*_rows.py` are the table, `scene.py` plays a row, `judge.py` compares what was seen with
what is expected, `page.py` writes the table of docs/faults.rst.
"""
