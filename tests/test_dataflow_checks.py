"""What `--runner dataflow` finds before anything is sent; nobody is asked, and Google's packages need not be here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from click.testing import CliRunner

from filters.errors import RecipeError, RunnerError
from pipeline.cli.main import cli
from pipeline.dataflow import _check_bucket, dataflow_options
from pipeline.runners import runner_name
from tests.test_dataflow import OUTPUT, PLACE, write_recipe


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What `beamsift run --runner dataflow` says of a recipe that it does not take; nobody is asked."""
    monkeypatch.setattr("pipeline.dataflow._NEEDED", ())
    for name in ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "CLOUDSDK_COMPUTE_REGION"):
        monkeypatch.delenv(name, raising=False)

    def call(*options: str, place: list[str] = PLACE, **sections: Any) -> str:
        recipe = write_recipe(tmp_path / "recipe.yaml", **sections)
        result = CliRunner().invoke(cli, ["run", recipe, "--runner", "dataflow", "--", *place, *options])
        assert isinstance(result.exception, RunnerError | RecipeError), result.output + repr(result.exception)
        assert "\n" not in str(result.exception)
        return str(result.exception)

    return call


def test_packages_that_are_missing(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.dataflow._NEEDED", ("google.cloud.no_such_package",))
    assert "pip install 'beamsift[gcp]'" in refused()


def test_project_and_region(refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "needs a project" in refused(place=[]) and "GOOGLE_CLOUD_PROJECT" in refused(place=[])
    assert "needs a region" in refused(place=["--project=a-project"])
    assert "not its number" in refused(place=["--project=123456", "--region=europe-west4"])
    assert "not a zone" in refused(place=["--project=a-project", "--region=europe-west4-a"])
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "a-project")
    monkeypatch.setenv("CLOUDSDK_COMPUTE_REGION", "nowhere")
    assert "'nowhere'" in refused(place=[])


def test_places_that_workers_do_not_reach(refused: Callable[..., str]) -> None:
    assert "not 'clean'" in refused(output={"path": "clean"})
    assert "'raw/*.parquet'" in refused(input={"paths": "raw/*.parquet"})
    assert "--temp_location must be in a bucket" in refused("--temp_location=/tmp/x")
    for path in ("words.txt", "file:///lists/words.txt"):
        words = {"blocklist": {"lists": [{"path": path}], "max_hits": 0}}
        assert f"stage 'blocklist' reads '{path}'" in refused(stages=[words])
    key = {"pii": {"audit_hash": True, "key": {"env": "MY_KEY"}}}
    assert "environment variable MY_KEY" in refused(stages=[key])


def test_options_that_beam_does_not_know(refused: Callable[..., str]) -> None:
    assert "did you mean --max_num_workers?" in refused("--max_num_worker=3")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("google.auth")
    from google.auth.exceptions import DefaultCredentialsError

    def none() -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr("google.auth.default", none)
    with pytest.raises(RunnerError, match="gcloud auth application-default login"):
        _check_bucket(PipelineOptions(dataflow_options(PLACE, OUTPUT)))


def test_what_is_given_is_not_overridden() -> None:
    given = [
        "--worker_machine_type=e2-standard-8",
        "--experiments=shuffle_mode=appliance",
        "--temp_location=gs://abc/t",
    ]
    options = dataflow_options([*PLACE, *given], OUTPUT)
    assert [option for option in options if "machine_type" in option or "shuffle" in option] == given[:2]
    assert "--temp_location=gs://abc/t" in options
    assert [runner_name(name) for name in ("dataflow", "DataflowRunner")] == ["dataflow", "dataflow"]
