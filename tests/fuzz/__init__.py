"""Inputs by hypothesis for every constructor, file format and command line. `make fuzz` tries many more of them."""
