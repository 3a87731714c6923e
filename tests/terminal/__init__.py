"""The screen of a terminal: programs run on a pseudo-terminal, and their output is rendered as a terminal does."""
