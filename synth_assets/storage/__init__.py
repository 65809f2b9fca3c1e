"""Where the bytes go: local Parquet files, S3 objects, SSM parameters. No dagster, and no randomness in data."""
