"""Apache Beam transforms on Splits: documents rest in files, Beam moves handles, masks and hashes."""
