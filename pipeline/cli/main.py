"""`beamsift`: the group of commands, and how errors reach the user."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from importlib.metadata import version

import click

from pipeline.cli.interrupts import INTERRUPTED

# Name: module below pipeline.cli. Commands are imported when called, so that `beamsift --help` answers at once.
COMMANDS = {
    "run": "run a recipe: read, filter, deduplicate, write shards and an account of what was removed",
    "check": "validate a recipe and its input, print the plan, run nothing",
    "stats": "what a run did: documents by stage and reason, languages, duplicates",
    "explain": "why one document was kept or dropped: every stage, value and limit, duplicates, edits",
    "report": "one HTML file that shows a result, with charts and samples, to read, send and print",
    "verify": "check a result: checksums, counts, that nothing is lost, the evidence of every removal",
    "pii": "show the personal data and secrets in files; precision and recall of finding them",
    "calibrate": "statistics of an annotated run, and what other limits would remove",
    "sample-rejects": "read what a rule throws away",
    "diff-recipes": "run two recipes over a sample, show the documents on which they disagree",
    "dedup": "clusters of duplicates and why a document is one; plan a near deduplication, or replay one",
    "sample": "write a small raw corpus to try things on, with the truth about what is planted in it",
}


class _LazyGroup(click.Group):
    """Commands by name; their summaries are listed without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"pipeline.cli.{cmd_name.replace('-', '_')}"
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint} Known: {', '.join(COMMANDS)}.")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example:  beamsift sample build/sample && beamsift run configs/sample.yaml && "
    "beamsift stats build/sample/clean",
)
@click.version_option(version("beamsift"), prog_name="beamsift")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Clean, deduplicate and account for pretraining corpora."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Entry point: errors of ours are one message and exit status 1; others keep their traceback."""
    debug = "--debug" in sys.argv[1:]
    # Beam warns of optional packages through the root logger, and logs every error with its traceback before it
    # raises it; a user gets the one sentence below.
    logging.basicConfig(level=logging.WARNING if debug else logging.CRITICAL)
    try:
        cli.main(args=[arg for arg in sys.argv[1:] if arg != "--debug"], standalone_mode=False)
    except click.exceptions.Abort:
        click.echo(INTERRUPTED, err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        from filters.errors import BeamsiftError
        from pipeline.cli.tables import harmless_lines

        if debug:
            raise
        if isinstance(error, BeamsiftError):
            click.secho("Error: ", fg="red", bold=True, nl=False, err=True)
            click.echo(harmless_lines(str(error)), err=True)
            sys.exit(1)
        text = str(error).strip().splitlines()
        summary = f"{type(error).__name__}: {harmless_lines(text[-1][:300]) if text else ''}"
        click.echo(f"Error: beamsift failed unexpectedly ({summary}). Run with --debug to see where.", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
