"""What the README's numbers are measured with: `python -m benchmarks`. Nothing in the package imports this."""
