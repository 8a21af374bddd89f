"""The command line: what users can type; what it does is in ``commands``, imported where it is used."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from lorr_bench import __version__
from lorr_bench.commands.asked import Asked, results_folder
from lorr_bench.errors import LorrBenchError, StoppedError

INTERRUPTED: Final = StoppedError.exit_code

app = typer.Typer(
    name="lorr-bench",
    help="Benchmark preference-optimization methods, with and without LoRR, under an equal data budget.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # brackets are text
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _suites(incomplete: str) -> Iterable[str]:
    """Names of shipped suites, for a shell that completes; it adds files itself."""
    from lorr_bench.shipped.catalog import shipped_suites

    return [name for name in shipped_suites() if name.startswith(incomplete)]


def _published(incomplete: str) -> Iterable[str]:
    from lorr_bench.publish.catalog import published_runs

    return [name for name in published_runs() if name.startswith(incomplete)]


def _lists(incomplete: str) -> Iterable[str]:
    from lorr_bench.commands.listing import LISTS

    return [name for name in LISTS if name.startswith(incomplete)]


SuiteFile = Annotated[
    Path,
    typer.Argument(
        metavar="SUITE",
        help="Suite file (YAML), or the name of a shipped suite: `lorr-bench list suites`.",
        show_default=False,
        autocompletion=_suites,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value, for example seeds=[0,1]. Repeatable."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Folder for report and logs. RESULTS is `results`, or $LORR_BENCH_RESULTS, or for a shipped "
        "suite's name one folder of your account.",
        show_default="RESULTS/runs/<name of the suite>",
    ),
]
StoreFolder = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="FOLDER",
        envvar="LORR_BENCH_STORE",
        help="Folder, or fsspec URL, for results of stages, shared between suites.",
        show_default="FOLDER/store of --output, else RESULTS/store",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="NAME",
        help="Only this arm, kind of stage or label, and what it needs. Repeatable.",
        show_default="everything",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        help="Training and engine stages at the same time; --set execution.workers.",
        show_default="as many as the GPUs hold, or the cores of a CPU up to 8",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON in place of tables.")]


@app.command()
def run(
    suite: SuiteFile,
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
    *,
    only: Only = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try stages again that have used up their attempts.")
    ] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="End at the first failure.")] = False,
    workers: Workers = None,
) -> None:
    """Run a suite: collect, train, evaluate, report.

    Run it again to continue: what is done is not done again.
    """
    from lorr_bench.commands import running
    from lorr_bench.run.suite_run import RunOptions

    options = RunOptions(only=tuple(only or ()), fail_fast=fail_fast, retry_failed=retry_failed)
    running.run(Asked(suite, overrides or (), output, store), options, _workers(workers))


@app.command()
def regrade(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Grade stored answers again, and report; needs no model.

    With another policy or grader: --set evaluation.grading.units=ignore.
    """
    from lorr_bench.commands import running

    running.regrade(Asked(suite, overrides or (), output, store))


@app.command()
def validate(
    suite: SuiteFile,
    overrides: Overrides = None,
    *,
    data: Annotated[
        bool, typer.Option("--data", help="Look at rows, model, Hub and lm-eval's tasks, too; takes seconds.")
    ] = False,
) -> None:
    """Check a suite file without running anything."""
    from lorr_bench.commands import validating

    (validating.validate_data if data else validating.validate)(Asked(suite, overrides or ()))


@app.command("plan")
def show_plan(
    suite: SuiteFile,
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
    *,
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices",
            help="Ask about GPUs that are not here, by name and number: h100-80gb:8.",
            metavar="GPUS",
            show_default="those of this machine",
        ),
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Try engine and largest training for a moment, on fake data.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show arms, budgets, stages, what is done and what is to pay.

    What will be tested, and time, tokens, memory and disk of the stages that are left.
    """
    from lorr_bench.commands import planning

    asked = Asked(suite, overrides or (), output, store)
    planning.show_plan(asked, devices, probe=probe, as_json=as_json)


@app.command()
def status(
    suite: SuiteFile,
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Show arms of large suites that are done, too, and every failure.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is done, what runs, what failed and why.

    Arms × stages, each failure with its log, and what is left.
    """
    from lorr_bench.commands import looking

    looking.show_status(Asked(suite, overrides or (), output, store), everything=everything, as_json=as_json)


@app.command()
def report(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Write the report again from what is stored; runs nothing."""
    from lorr_bench.commands import looking

    looking.write_report(Asked(suite, overrides or (), output, store))


@app.command("open")
def open_page(suite: SuiteFile, overrides: Overrides = None, output: Output = None) -> None:
    """Show the report in a browser; say where it is.

    Where there is no display it only says where.
    """
    from lorr_bench.commands import looking

    looking.open_report(Asked(suite, overrides or (), output))


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN RUN…", help="Output folders of runs, of any suite.", show_default=False),
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write the table to this file, .md or .csv, as well."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Set runs side by side, and say what can't be compared."""
    from lorr_bench.commands import comparing

    comparing.compare(runs, to, as_json=as_json)


@app.command()
def export(
    suite: SuiteFile,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write.", show_default=False)],
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
) -> None:
    """Write the results for lm-eval's and marl-eval's tools.

    lm-eval's results and samples files, and marl-eval's curves.
    """
    from lorr_bench.commands import comparing

    comparing.export(Asked(suite, overrides or (), output, store), folder)


@app.command()
def publish(
    suite: SuiteFile,
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
    *,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FOLDER",
            help="The folder to write.",
            show_default="results/published/<name> for a suite of a checkout",
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a folder that is there.")] = False,
) -> None:
    """Write what is committed of a finished run.

    Tables, figures, page, verdicts by problem, and where they come from; no weights.
    """
    from lorr_bench.commands import publishing

    publishing.publish(Asked(suite, overrides or (), output, store), to, replaces=replace)


@app.command()
def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A published run, `lorr-bench list published`, or a folder that `publish` wrote.",
            show_default=False,
            autocompletion=_published,
        ),
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Folder for report and logs.",
            show_default="RESULTS/reproduced/NAME",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="FOLDER",
            help="Folder, or fsspec URL, for results of stages. What is done there is not made again.",
            show_default="FOLDER/store of --output",
        ),
    ] = None,
    *,
    workers: Workers = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Count nothing but the same verdicts as agreement.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run a published suite again, and say what agrees.

    Each declared contrast and each score: same verdicts, within the intervals, or not.
    """
    from lorr_bench.commands import publishing

    again = publishing.Again(name, [*(overrides or ()), *_workers(workers)], output, store)
    publishing.reproduce(again, exact=exact, as_json=as_json)


@app.command()
def grade(
    answers: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="JSONL with the keys gold and answer.", show_default=False),
    ] = None,
    *,
    explain: Annotated[
        tuple[str, str] | None,
        typer.Option("--explain", metavar="GOLD ANSWER", help="Say why this answer has its verdict."),
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy", metavar="KEY=VALUE", help="An option of the grader, for example units=ignore."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write the verdicts to this file, JSON lines, as well."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines in place of a table.")] = False,
) -> None:
    """Grade a file of answers, or explain one verdict.

    Needs no suite.
    """
    from lorr_bench.commands.asked import consoles
    from lorr_bench.terminal.grade_tables import show_grades

    show_grades(consoles()[0], answers, explain, policy or [], output, as_json=as_json)


@app.command("list")
def list_things(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="methods, plugins, backends, benchmarks, tasks, presets, protocols, suites or published.",
            autocompletion=_lists,
        ),
    ] = "methods",
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Of a method or plug-in: show its settings. Of tasks: a pattern, to look through lm-eval's.",
            show_default=False,
        ),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List what suites can name, or the settings of one."""
    from lorr_bench.commands import listing

    listing.show_list(what, name, as_json=as_json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of suite files, for editors.

    It has the hyper-parameters of every method that is installed.
    """
    from lorr_bench.ports.suite_schema import full_schema, schema_text

    typer.echo(schema_text(full_schema()), nl=False)


@app.command()
def init(
    model: Annotated[
        str, typer.Option("--model", help="Folder in Hugging Face form, Hub id, or nano.", show_default=False)
    ],
    data: Annotated[
        str,
        typer.Option(
            "--data",
            help="Preference pairs: a file, a folder of save_to_disk, or a Hub id.",
            show_default=False,
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="File of the suite; - writes it to the standard output.")
    ] = "suite.yaml",
    *,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="WHAT=NAME", help="A column's name, for example prompt=question. Repeatable."
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split of the data; train by default.")] = None,
    subset: Annotated[str | None, typer.Option(help="Configuration of a Hub data set.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag of a Hub model.")] = None,
    devices: Annotated[
        str | None,
        typer.Option("--devices", metavar="GPUS", help="Write for GPUs that are not here: h100-80gb:1."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a suite that is there.")] = False,
) -> None:
    """Write a suite for a model and pairs of your own.

    It says what it found in both, and the commands that come next.
    """
    from lorr_bench.commands.drafting import init as write
    from lorr_bench.draft.draft import Asked as Wanted
    from lorr_bench.draft.draft import read_columns
    from lorr_bench.draft.rows import AskedRows

    rows = AskedRows(data, split, subset, read_columns(column or []))
    write(Wanted(model, revision, rows, output, devices, force))


@app.command()
def copy(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A shipped suite.", show_default=False, autocompletion=_suites),
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the copy goes.")] = Path(),
) -> None:
    """Copy a shipped suite, to change it."""
    from lorr_bench.commands.asked import consoles, say_path
    from lorr_bench.shipped.copying import copy_suite

    say_path(consoles()[0], "Suite", copy_suite(name, folder))


@app.command()
def clean(
    suites: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="SUITE",
            help="Suites whose needs decide what can go.",
            show_default=False,
            autocompletion=_suites,
        ),
    ] = None,
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
    *,
    unused: Annotated[
        bool, typer.Option("--unused", help="Results that none of the suites uses go too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Free it; without, only show it.")] = False,
) -> None:
    """Show what takes room and no run needs; free it with --yes."""
    from lorr_bench.commands import cleaning

    asked = Asked(Path(), overrides or (), output, store)
    cleaning.clean(suites or [], asked, unused=unused, yes=yes)


@app.command()
def doctor(store: StoreFolder = None) -> None:
    """Show what this machine lacks, and how to mend it.

    Versions, devices, engine and disk.
    """
    from lorr_bench.commands.asked import consoles
    from lorr_bench.terminal.tables import findings_table
    from lorr_bench.upkeep.doctor import examine

    findings = examine(Path(store) if store else results_folder() / "store")
    consoles()[0].print(findings_table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _workers(number: int | None) -> list[str]:
    """The override that ``--workers`` stands for."""
    return [] if number is None else [f"execution.workers={number}"]


def main() -> NoReturn:
    """Entry point: errors that a user can mend are one message, not a traceback."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        code = app(prog_name="lorr-bench", standalone_mode=False) or 0
        if code == INTERRUPTED:  # Typer makes this of an interrupt
            _say_alone("Interrupted.")
    except StoppedError as stopped:
        _say_alone(str(stopped))
        code = stopped.exit_code
    except LorrBenchError as error:
        typer.echo(f"error: {error}", err=True)
        code = error.exit_code
    except Exception as error:
        # Typer's own usage errors show themselves; anything else is ours and keeps its traceback.
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        code = getattr(error, "exit_code", 2)
    sys.exit(code)


def _say_alone(text: str) -> None:
    """Say it on a line of its own: a terminal has written `^C` at its beginning."""
    typer.echo(f"\r{text}" if sys.stderr.isatty() else text, err=True)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"lorr-bench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Benchmark preference-optimization methods, with and without LoRR, under an equal data budget."""


def _interrupt(*_: Any) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):  # workers are being ended; a second one would cut that off
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
