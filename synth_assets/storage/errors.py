class StorageError(RuntimeError):
    """A file, object or parameter could not be read or written. The message says which, why, and the mend."""
