"""What is wrong with what the generator was given."""


class GeneratorError(ValueError):
    """A wrong schema or plan. The message says what is wrong, where, and how to fix it."""


class SchemaError(GeneratorError):
    """The schema file breaks its form, or a profile cannot make its columns."""
