"""How any run is started, followed and ended, on whatever engine. Knows no engine, no SDK and no setting."""
