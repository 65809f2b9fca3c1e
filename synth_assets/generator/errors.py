class GeneratorError(ValueError):
    """A wrong schema or plan. The message says what is wrong, where, and how to mend it."""
