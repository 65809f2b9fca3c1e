"""What a model can learn from a profile, what it must not, and how far the payments look like real ones."""
