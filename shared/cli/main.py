"""The command line `muster`: one file per command, gathered here.

A command's module is light to import: what it needs is imported where the command runs, so that
`muster --help` answers at once. A command returns its exit code: 0 done or nothing to do,
2 changes or findings, 3 partly held, 1 error. Data goes to stdout, everything else to stderr.
"""

import sys
from collections.abc import Sequence

import typer

from shared.cli import (
    audit,
    explain,
    fmt,
    history,
    import_fleet,
    letters,
    lint,
    planning,
    policy_tests,
    recordings,
    render,
    report,
    schema,
    status,
    steering,
)
from shared.errors import MusterError

ERROR = 1

app = typer.Typer(
    name="muster",
    help="Brings tagged Kubernetes clusters to Azure Machine Learning, and keeps them there.",
    rich_markup_mode=None,  # plain help: quick to show, and the same in a log
    pretty_exceptions_enable=False,
)


app.command("apply")(planning.apply)
app.command("approve")(steering.approve)
app.add_typer(audit.audit, name="audit")
app.command("explain")(explain.explain)
app.command("fmt")(fmt.fmt)
app.command("history")(history.history)
app.command("import")(import_fleet.import_fleet)
app.command("letters")(letters.letters)
app.command("lint")(lint.lint)
app.command("pause")(steering.pause)
app.command("plan")(planning.plan)
app.command("reconcile")(steering.reconcile)
app.command("render")(render.render)
app.command("report")(report.report)
app.command("resume")(steering.resume)
app.command("schema")(schema.schema)
app.command("snapshot")(recordings.snapshot)
app.command("status")(status.status)
app.command("test")(policy_tests.run_tests)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and tell its exit code; wrong use and every error of ours is one line on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        outcome = app(args=arguments or ["--help"], prog_name="muster", standalone_mode=False)
    except MusterError as error:
        return _say(error.message)
    except typer.TyperException as error:
        return _say(error.format_message())
    except (typer.Abort, KeyboardInterrupt):
        return _say("Stopped.")
    except BrokenPipeError:
        return ERROR  # the reader of our output has gone
    return outcome if isinstance(outcome, int) else 0


def _say(message: str) -> int:
    print(f"muster: {' '.join(message.split())}", file=sys.stderr)
    return ERROR
