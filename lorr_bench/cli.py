"""The command line: thin, and quick to start, because everything heavy is imported where it is used."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

import typer

from lorr_bench import __version__
from lorr_bench.errors import LorrBenchError

if TYPE_CHECKING:
    from rich.console import Console

    from lorr_bench.plan.plan import Plan
    from lorr_bench.plan.stage import Lane
    from lorr_bench.run.suite_run import Finished, Places
    from lorr_bench.spec.load import LoadedSuite

INTERRUPTED: Final = 130
RUNS: Final = Path("results/runs")
SHARED_STORE: Final = Path("results/store")

app = typer.Typer(
    name="lorr-bench",
    help="Benchmark preference-optimization methods, with and without LoRR, under an equal data budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SuiteFile = Annotated[Path, typer.Argument(metavar="SUITE", help="Suite file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value, for example seeds=[0,1]. Repeatable."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder for report and logs. [results/runs/<suite name>]"),
]
StoreFolder = Annotated[
    Path | None,
    typer.Option(
        "--store",
        envvar="LORR_BENCH_STORE",
        help="Folder for results of stages, shared between suites. [results/store, or OUTPUT/store]",
    ),
]


@app.command()
def run(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Run a suite: collect, train, evaluate, report. Run it again to continue."""
    from lorr_bench.run.progress import spoken

    finished, places = _run(suite, overrides, output, store)
    out, err = _consoles()
    state, total = finished.state, len(finished.plan.stages)
    if not state.ran and not state.failed:
        out.print(f"Nothing to run: all {total} stages were done before.")
    else:
        reused = f", {state.reused} reused" if state.reused else ""
        out.print(f"{len(state.ran)} of {total} stages run{reused} in {spoken(state.wall_seconds)}.")
    _end(out, err, finished, places)


@app.command()
def regrade(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Grade stored answers again, with another policy or grader, and report; needs no model."""
    finished, places = _run(suite, overrides, output, store, only=("grade",))
    out, err = _consoles()
    grading = [stage.digest for stage in finished.plan.stages if stage.kind == "grade_math"]
    ran = sum(digest in finished.state.ran for digest in grading)
    waiting = sum(evaluation.kind == "math" for evaluation in finished.unanswered)
    if ran:
        out.print(f"{ran} of {len(grading)} sets of answers graded.")
    elif waiting < len(grading):
        out.print("Nothing to grade: all stored answers have verdicts of this grader and policy.")
    if waiting:
        out.print(f"{waiting} evaluations have no answers yet: `lorr-bench run` draws them.")
    _end(out, err, finished, places)


def _run(
    suite: Path,
    overrides: list[str] | None,
    output: Path | None,
    store: Path | None,
    only: tuple[Lane, ...] | None = None,
) -> tuple[Finished, Places]:
    from lorr_bench.run.driver import LANES
    from lorr_bench.run.progress import Display
    from lorr_bench.run.suite_run import run_suite
    from lorr_bench.run.views import protocol_table

    loaded = _load(suite, overrides)
    places = _places(loaded, output, store)
    out, err = _consoles()
    if out.is_terminal:
        out.print(protocol_table(loaded.suite.evaluation))
    return run_suite(loaded, places, Display(out, err), _store(places), only or LANES), places


def _end(out: Console, err: Console, finished: Finished, places: Places) -> None:
    """Say where the report is, and what has no result.

    Raises:
        Exit: With code 1 where a stage failed.
    """
    state = finished.state
    _say_path(out, "Report", finished.page)
    if state.failed:
        err.print(
            f"{len(state.failed)} stages have no result; run the same command again to retry them. "
            f"Logs: {places.output / 'logs'}",
            style="red",
            soft_wrap=True,
        )
        raise typer.Exit(1)


@app.command()
def validate(suite: SuiteFile, overrides: Overrides = None) -> None:
    """Check a suite file without running anything."""
    from lorr_bench.plan.plan import make_plan

    plan = make_plan(_load(suite, overrides))
    typer.echo(f"{suite}: valid, {len(plan.arms)} arms, {len(plan.stages)} stages")


@app.command("plan")
def show_plan(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Show arms, budgets and stages, and what is already done."""
    from lorr_bench.run.views import arms_table, protocol_table, stages_table

    out, _ = _consoles()
    plan, places = _planned(suite, overrides, output, store)
    out.print(arms_table(plan))
    out.print(protocol_table(plan.suite.evaluation))
    out.print(stages_table(plan, _store(places)))
    held = ", ".join(_equal_quantities(plan))
    out.print(f"Held equal: {held}. Suite: {plan.suite.name}. Store: {places.store}", highlight=False)


@app.command()
def status(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Show which stages are done, which failed and why, and what is left."""
    from lorr_bench.run.suite_run import last_failures
    from lorr_bench.run.views import status_table

    out, _ = _consoles()
    plan, places = _planned(suite, overrides, output, store)
    table, left = status_table(plan, _store(places), last_failures(places.output))
    out.print(table)
    out.print(f"{len(plan.stages) - left} of {len(plan.stages)} stages done.")


@app.command()
def report(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Write the report again from what is stored; runs nothing."""
    from lorr_bench.run.suite_run import last_failures, report_plan

    out, _ = _consoles()
    plan, places = _planned(suite, overrides, output, store)
    page, _ = report_plan(plan, _store(places), places.output, last_failures(places.output))
    _say_path(out, "Report", page)


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN RUN…", help="Output folders of runs, of any suite.", show_default=False),
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="Write the table to this file, .md or .csv, as well.")
    ] = None,
) -> None:
    """Set runs side by side where they are comparable, and say why where they are not."""
    from lorr_bench.report.comparing import compare_runs
    from lorr_bench.report.side_by_side import comparison_text, write_comparison

    comparison = compare_runs(runs)
    typer.echo(comparison_text(comparison))
    if to is not None:
        write_comparison(comparison, to)


@app.command()
def export(
    suite: SuiteFile,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write.", show_default=False)],
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
) -> None:
    """Write the results for other tools: lm-eval's results and samples files, marl-eval's curves."""
    from datetime import UTC, datetime

    from lorr_bench.export.suite import export_suite

    out, _ = _consoles()
    plan, places = _planned(suite, overrides, output, store)
    written = export_suite(plan, _store(places), folder, datetime.now(UTC))
    _say_path(out, f"lm-eval's files of {written.models} models", folder / "lm_eval")
    if written.curves is not None:
        _say_path(out, "marl-eval's curves", written.curves)
    if written.left_out:
        out.print(f"Not in the curves, for want of seeds or budgets: {', '.join(written.left_out)}.")


@app.command("list")
def list_things(
    what: Annotated[str, typer.Argument(help="methods, benchmarks, protocols or presets")] = "methods",
) -> None:
    """List what suites can name."""
    from lorr_bench.run.views import LISTS

    if what not in LISTS:
        fix = f"List one of {', '.join(LISTS)}."
        raise LorrBenchError(f"can't list {what!r}", where="list", fix=fix)
    _consoles()[0].print(LISTS[what]())


@app.command()
def doctor(store: StoreFolder = None) -> None:
    """Show versions, devices, engine and disk, and how to mend what is missing."""
    from lorr_bench.run.doctor import examine
    from lorr_bench.run.views import findings_table

    findings = examine(store or SHARED_STORE)
    _consoles()[0].print(findings_table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> NoReturn:
    """Entry point: errors that a user can mend are one message, not a traceback."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False) or 0
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
    if code == INTERRUPTED:  # Typer makes this of an interrupt
        typer.echo("Interrupted. What is done is kept; run the same command to continue.", err=True)
    sys.exit(code)


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
    raise KeyboardInterrupt


def _load(suite: Path, overrides: list[str] | None) -> LoadedSuite:
    from lorr_bench.spec.load import load_suite

    return load_suite(suite, overrides or ())


def _planned(
    suite: Path, overrides: list[str] | None, output: Path | None, store: Path | None
) -> tuple[Plan, Places]:
    from lorr_bench.plan.plan import make_plan

    loaded = _load(suite, overrides)
    return make_plan(loaded), _places(loaded, output, store)


def _places(loaded: LoadedSuite, output: Path | None, store: Path | None) -> Places:
    from lorr_bench.run.suite_run import Places

    if output is None:
        return Places(RUNS / loaded.suite.name, store or SHARED_STORE)
    return Places(output, store or output / "store")


def _store(places: Places) -> Any:
    from lorr_bench.store.store import Store

    return Store(places.store, notice=lambda text: typer.echo(f"note: {text}", err=True))


def _equal_quantities(plan: Plan) -> tuple[str, ...]:
    from lorr_bench.budget import EQUAL_QUANTITIES

    return tuple(name.replace("_", " ") for name in EQUAL_QUANTITIES[plan.suite.budget.equal])


def _consoles() -> tuple[Console, Console]:
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return Console(width=width, soft_wrap=False), Console(stderr=True)


def _say_path(out: Console, what: str, path: Path) -> None:
    out.print(f"{what}: {path}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
