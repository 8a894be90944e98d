"""A worker of Dataflow, as far as tests need one: executes a staged pipeline with what is installed, nothing else.

    python dataflow_worker.py pipeline.pb

Run in an environment into which the staged wheel was installed. Prints where `pipeline` was imported from.
"""

from __future__ import annotations

import sys
from pathlib import Path

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


def execute(serialized: bytes) -> None:
    """Run a pipeline to its end in this process. Raises what a step raises."""
    pipeline = beam_runner_api_pb2.Pipeline.FromString(serialized)
    for environment in pipeline.components.environments.values():
        environment.urn = python_urns.EMBEDDED_PYTHON  # in the place of the container
        environment.payload = b""
        del environment.dependencies[:]
    FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([])).wait_until_finish()


if __name__ == "__main__":
    execute(Path(sys.argv[1]).read_bytes())
    import transforms.manifest

    print(transforms.manifest.__file__)
