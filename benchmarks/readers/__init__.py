"""Which readers open the files: it asks the network for them, so the test suite does not do it."""
