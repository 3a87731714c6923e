"""What is seen on a terminal: programs run on a pseudo-terminal, and what they write is rendered as one would."""
