"""The rules that every backend keeps, whatever its engine.

`harness.py` declares what the suite needs of an engine; each `NAME_harness.py` implements it for one, and is found
by its name. `conftest.py` runs every test with every harness, and skips, with the reason, what an engine cannot do.
"""
