"""Tests, one file an idea."""
