"""The project's promises, each put to the test against the real parts."""
