"""Documents made ready for training: token ids, packed sequences, a shuffled order, a mixture. No Beam here."""
