"""What is fast, measured beside its peers: `python -m benchmarks` prints a report in Markdown."""
