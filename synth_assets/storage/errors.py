"""What goes wrong with files, objects and parameters."""


class StorageError(RuntimeError):
    """A file, object or parameter could not be read or written. The message says which, why, and how to fix it."""
