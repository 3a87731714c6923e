"""What a real API server sent, replayed to the real backend by an API server of the tests."""
