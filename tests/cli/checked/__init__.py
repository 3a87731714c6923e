"""A launcher's package as third parties write one: with a check beside the launcher."""
