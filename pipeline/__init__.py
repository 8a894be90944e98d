"""From a recipe to a result: validate, build the graph, run it, account for it. The commands live in `pipeline.cli`."""
