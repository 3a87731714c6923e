"""What every backend must do, whatever its engine.

`harness.py` says what the suite asks of an engine; each `NAME_harness.py` beside it answers for one, and is found by
its name. `conftest.py` runs every test with every harness, and skips, with the reason, those that cannot be used here.
"""
