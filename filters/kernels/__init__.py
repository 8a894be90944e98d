"""Loops over Arrow buffers, compiled by Numba. They know arrays alone; each has a slow twin in `tests/reference.py`."""
