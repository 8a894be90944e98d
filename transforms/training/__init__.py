"""Training output: documents in a shuffled order, as tokens or texts, in the formats that training stacks read.

StageTraining tokenises every Split and leaves its rows in a file in order of their ranks, which are drawn by
`filters.tokens.permutation`; WriteTraining makes every shard from its range of ranks in all those files, then writes
the indexes and the account. Only Splits, counts and the numbers of shards travel.
"""
