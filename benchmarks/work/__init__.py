"""What is measured: a file for each question, with the scenarios that ask it."""
