"""A Flex Template's launch: its parameters are those of `beamsift run`, what the launcher adds goes to Beam."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from filters.errors import BeamsiftError
from filters.remote_files import read_file
from pipeline.dataflow import DATAFLOW
from pipeline.recipe import parse_recipe
from pipeline.run import run
from pipeline.yaml_document import load_yaml

_YES = {"true": True, "false": False}


def launch(arguments: Sequence[str]) -> str:
    """Build the graph of a job as the launcher asks for it; returns what was done, as a sentence.

    arguments: `--name=value` of docker/flex-template.json, and of Beam. Raises what `pipeline.run.run` raises.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--input")
    parser.add_argument("--overwrite", choices=_YES, default="false")
    parser.add_argument("--annotate_only", choices=_YES, default="false")
    given, others = parser.parse_known_args(arguments)
    text = read_file(given.recipe, "recipe").decode()
    inputs = given.input.split(",") if given.input else []
    recipe = parse_recipe(load_yaml(given.recipe, text), input_paths=inputs, output_path=given.output)
    done = run(
        recipe,
        runner=DATAFLOW,
        beam_options=[option for option in others if not option.startswith("--runner")],
        overwrite=_YES[given.overwrite],
        annotate_only=_YES[given.annotate_only],
    )
    return str(done.get("submitted", f"Wrote {given.output}"))


def main() -> None:
    """Launch with the arguments of the process; an error is one sentence in the launcher's log."""
    try:
        print(launch(sys.argv[1:]))
    except BeamsiftError as error:
        sys.exit(f"Error: {error}")
