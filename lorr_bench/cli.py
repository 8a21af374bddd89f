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
from lorr_bench.outside import fit_to_show, without_secrets

if TYPE_CHECKING:
    from rich.console import Console

    from lorr_bench.forecast.forecast import Forecast
    from lorr_bench.plan.plan import Plan
    from lorr_bench.run.suite_run import FinishedRun, Places, RunOptions
    from lorr_bench.spec.load import LoadedSuite

INTERRUPTED: Final = 130

app = typer.Typer(
    name="lorr-bench",
    help="Benchmark preference-optimization methods, with and without LoRR, under an equal data budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SuiteFile = Annotated[
    Path,
    typer.Argument(
        metavar="SUITE",
        help="Suite file (YAML), or the name of a shipped suite: `lorr-bench list suites`.",
        show_default=False,
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
        help="Folder for report and logs. [RESULTS/runs/<suite name>; RESULTS is results, or "
        "$LORR_BENCH_RESULTS, or for a shipped suite's name one folder of your account]",
    ),
]
StoreFolder = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="LORR_BENCH_STORE",
        help="Folder, or fsspec URL, for results of stages, shared between suites. "
        "[RESULTS/store, or OUTPUT/store]",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="NAME", help="Only this arm, kind of stage or label, and what it needs. Repeatable."
    ),
]


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
    workers: Annotated[
        int | None, typer.Option(help="Training and engine stages at the same time; --set execution.workers.")
    ] = None,
) -> None:
    """Run a suite: collect, train, evaluate, report. Run it again to continue."""
    from lorr_bench.quantities import duration_text
    from lorr_bench.run.suite_run import RunOptions

    options = RunOptions(only=tuple(only or ()), fail_fast=fail_fast, retry_failed=retry_failed)
    more = [] if workers is None else [f"execution.workers={workers}"]
    finished, places = _run(suite, [*(overrides or ()), *more], output, store, options)
    out, err = _consoles()
    state, total = finished.state, len(finished.plan.stages)
    if not state.ran and not state.failed:
        done = "all that was asked for was" if only else f"all {total} stages were"
        out.print(f"Nothing to run: {done} done before.")
    else:
        reused = f", {state.reused} reused" if state.reused else ""
        again = f", {state.retried} tried again" if state.retried else ""
        out.print(
            f"{len(state.ran)} of {total} stages run{reused}{again} in {duration_text(state.wall_seconds)}."
        )
    _end(out, err, finished, places)


@app.command()
def regrade(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Grade stored answers again, with another policy or grader, and report; needs no model."""
    from lorr_bench.run.suite_run import RunOptions

    finished, places = _run(suite, overrides, output, store, RunOptions(pools=("grade",)))
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
    store: str | None,
    options: RunOptions,
) -> tuple[FinishedRun, Places]:
    from lorr_bench.run.state import STATE_FILE, Journal
    from lorr_bench.run.suite_run import run_suite
    from lorr_bench.terminal.progress import Display
    from lorr_bench.terminal.tables import protocol_table

    loaded = _load(suite, overrides)
    places = _places(loaded, output, store)
    out, err = _consoles()
    if out.is_terminal:
        out.print(protocol_table(loaded.suite.evaluation))
    display = Display(out, err, measured=Journal(places.output / STATE_FILE).seconds)
    return run_suite(loaded, places, display.watch, _store(places), options), places


def _end(out: Console, err: Console, finished: FinishedRun, places: Places) -> None:
    """Say where the report is, and what has no result.

    Raises:
        DiskFullError: There was no room to write.
        Exit: With code 1 where a stage failed.
    """
    from lorr_bench.errors import DiskFullError

    state = finished.state
    if state.disk_full:
        fix = "What is done is kept. `lorr-bench clean` shows what can go; then run the same command again."
        raise DiskFullError(f"the run ended: {state.halted}", where=places.store, fix=fix)
    if finished.page is not None:
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
def validate(
    suite: SuiteFile,
    overrides: Overrides = None,
    *,
    data: Annotated[
        bool, typer.Option("--data", help="Look at rows, model, Hub and lm-eval's tasks, too; takes seconds.")
    ] = False,
) -> None:
    """Check a suite file without running anything."""
    from lorr_bench.plan.plan import make_plan

    if data:
        _validate_data(suite, overrides)
        return
    plan = make_plan(_load(suite, overrides))
    if plan.suite.data.pairs is not None:
        from lorr_bench.forecast.pair_counts import check_pairs

        check_pairs(plan)
    typer.echo(f"{suite}: valid, {len(plan.arms)} arms, {len(plan.stages)} stages")


def _validate_data(suite: Path, overrides: list[str] | None) -> None:
    """Check what a suite names: what `plan` looks at, without what it will cost."""
    from lorr_bench.checks.check_plan import check_plan
    from lorr_bench.checks.rows import prompt_lines
    from lorr_bench.forecast.pair_counts import pair_lines

    plan, places = _planned(suite, overrides, None, None, ask=True)
    for line in [*check_plan(plan), *prompt_lines(plan, fetch=True), *pair_lines(plan, _store(places))]:
        typer.echo(line)
    typer.echo(f"{suite}: valid, data and model included, {len(plan.arms)} arms, {len(plan.stages)} stages")


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
        ),
    ] = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Try engine and largest training for a moment, on fake data.")
    ] = False,
) -> None:
    """Show arms, budgets and stages, what is already done, and what the rest will cost."""
    from lorr_bench.checks.check_plan import check_plan
    from lorr_bench.checks.gpu_room import room_line
    from lorr_bench.checks.rows import prompt_lines
    from lorr_bench.forecast.devices import read_devices
    from lorr_bench.forecast.forecast import estimate_plan
    from lorr_bench.forecast.pair_counts import pair_lines
    from lorr_bench.run.commits import revision_lines
    from lorr_bench.run.declaration import foreseen
    from lorr_bench.run.planned_tests import what_is_tested
    from lorr_bench.terminal.long_table import plain_if_long
    from lorr_bench.terminal.plan_tables import estimates_view
    from lorr_bench.terminal.tables import arms_table, protocol_table

    out, err = _consoles()
    asked = read_devices(devices) if devices is not None else None
    plan, places = _planned(suite, overrides, output, store, ask=True)
    results = _store(places)
    warnings = check_plan(plan)
    pairs = [*prompt_lines(plan, fetch=False), *pair_lines(plan, results)]
    forecast = estimate_plan(plan, results, os.environ, asked)
    if room := room_line(plan, forecast):
        out.print(room, soft_wrap=True, highlight=False, markup=False)
    for line in warnings:
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    out.print(plain_if_long(arms_table(plan)))
    out.print(protocol_table(plan.suite.evaluation))
    late = (f"The report will say: {line}." for line in foreseen(plan, results, places.output))
    for line in [*what_is_tested(plan), *late]:
        out.print(line, highlight=False, markup=False)
    out.print(estimates_view(forecast))
    for line in [*revision_lines(plan, places.output), *pairs]:
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    held = ", ".join(_equal_quantities(plan))
    place = without_secrets(str(places.store))
    out.print(f"Held equal: {held}. Suite: {plan.suite.name}. Store: {place}", highlight=False)
    if probe:
        _probe(out, err, plan, forecast, results)


def _probe(out: Console, err: Console, plan: Plan, forecast: Forecast, store: Any) -> None:
    """Say what came of the probes.

    Raises:
        Exit: With code 1 where one failed.
    """
    from lorr_bench.probe.probe import probe_plan
    from lorr_bench.terminal.plan_tables import probe_text

    out.print("Probing on fake data: the engine, then the training that needs the most memory.")
    failed = False
    for probed in probe_plan(plan, forecast, store, os.environ):
        (err if probed.failure else out).print(probe_text(probed), soft_wrap=True)
        failed = failed or bool(probed.failure)
    if failed:
        raise typer.Exit(1)


@app.command()
def status(
    suite: SuiteFile,
    overrides: Overrides = None,
    output: Output = None,
    store: StoreFolder = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Show arms of large suites that are done, too.")
    ] = False,
) -> None:
    """Show arms × stages: what is done, what runs, what failed and why, what is left."""
    from lorr_bench.run.state import STATE_FILE, Journal
    from lorr_bench.run.suite_run import LOCK_FILE
    from lorr_bench.store.lock import holder
    from lorr_bench.store.store import done_stages
    from lorr_bench.terminal.status import SuiteStatus, status_view

    out, _ = _consoles()
    plan, places = _planned(suite, overrides, output, store)
    done, owner = done_stages(plan.stages, _store(places)), holder(places.output / LOCK_FILE)
    status = SuiteStatus.of(Journal(places.output / STATE_FILE), done, str(owner) if owner else None)
    out.print(status_view(plan, status, everything=everything))


@app.command()
def report(
    suite: SuiteFile, overrides: Overrides = None, output: Output = None, store: StoreFolder = None
) -> None:
    """Write the report again from what is stored; runs nothing."""
    from lorr_bench.run.state import STATE_FILE, Journal, known_failures
    from lorr_bench.run.suite_run import report_plan

    out, _ = _consoles()
    plan, places = _planned(suite, overrides, output, store)
    failed = known_failures(plan.stages, Journal(places.output / STATE_FILE))
    page, _ = report_plan(plan, _store(places), places.output, failed)
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
    from lorr_bench.report.compare.runs import compare_runs
    from lorr_bench.report.compare.side_by_side import comparison_text, write_comparison

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
        typer.Option("--output", "-o", help="Write the verdicts to this file, JSON lines, as well."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines in place of a table.")] = False,
) -> None:
    """Grade answers of a file against their gold answers, or explain one verdict; needs no suite."""
    from lorr_bench.terminal.grade_tables import show_grades

    show_grades(_consoles()[0], answers, explain, policy or [], output, as_json=as_json)


@app.command("list")
def list_things(
    what: Annotated[
        str, typer.Argument(help="methods, benchmarks, protocols, presets or suites")
    ] = "methods",
) -> None:
    """List what suites can name."""
    from lorr_bench.terminal.tables import LISTS

    if what not in LISTS:
        fix = f"List one of {', '.join(LISTS)}."
        raise LorrBenchError(f"can't list {what!r}", where="list", fix=fix)
    _consoles()[0].print(LISTS[what]())


@app.command()
def copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A shipped suite.", show_default=False)],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the copy goes.")] = Path(),
) -> None:
    """Copy a shipped suite, to change it."""
    from lorr_bench.shipped.copying import copy_suite

    _say_path(_consoles()[0], "Suite", copy_suite(name, folder))


@app.command()
def clean(
    suites: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SUITE", help="Suites whose needs decide what can go.", show_default=False),
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
    """Show what takes room and no run needs, and free it with --yes."""
    from lorr_bench.terminal.tables import leftovers_table
    from lorr_bench.upkeep.clean import Cleaner, free_all

    cleaner = Cleaner(*_cleaned(suites or [], overrides, output, store, unused=unused), unused=unused)
    if yes:
        cleaner.drop_dead_claims()
    found = cleaner.leftovers()
    out, _ = _consoles()
    out.print(leftovers_table(found) if found else "Nothing takes room that no run needs.")
    out.print(free_all(cleaner, found, really=yes))


def _cleaned(
    suites: list[Path], overrides: list[str] | None, output: Path | None, store: str | None, *, unused: bool
) -> tuple[Any, list[Any]]:
    """The store to clean, and the suites whose needs count."""
    from lorr_bench.errors import SuiteError
    from lorr_bench.run.suite_run import Places
    from lorr_bench.upkeep.clean import GivenSuite

    if output is not None and len(suites) != 1:
        raise SuiteError("an output folder is that of one suite", where="--output", fix="Name one suite.")
    if unused and not suites:
        fix = "Name every suite whose results are to stay."
        raise SuiteError("what is unused depends on the suites", where="--unused", fix=fix)
    given = [_planned(suite, overrides, output, store) for suite in suites]
    places = given[0][1] if given else Places(_results() / "runs", store or str(_results() / "store"))
    return _store(places), [GivenSuite(plan, suite_places.output) for plan, suite_places in given]


@app.command()
def doctor(store: StoreFolder = None) -> None:
    """Show versions, devices, engine and disk, and how to mend what is missing."""
    from lorr_bench.terminal.tables import findings_table
    from lorr_bench.upkeep.doctor import examine

    findings = examine(Path(store) if store else _results() / "store")
    _consoles()[0].print(findings_table(findings))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def main() -> NoReturn:
    """Entry point: errors that a user can mend are one message, not a traceback."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
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
    for number in (signal.SIGTERM, signal.SIGINT):  # workers are being ended; a second one would cut that off
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _load(suite: Path, overrides: list[str] | None) -> LoadedSuite:
    from lorr_bench.shipped.named import load_named

    return load_named(suite, overrides or (), Path())


def _planned(
    suite: Path, overrides: list[str] | None, output: Path | None, store: str | None, *, ask: bool = False
) -> tuple[Plan, Places]:
    """The plan of a suite, with the commits of its run; where it has not begun, the Hub may be asked."""
    from lorr_bench.plan.plan import make_plan
    from lorr_bench.run.commits import revisions_of

    loaded = _load(suite, overrides)
    places = _places(loaded, output, store)
    return make_plan(loaded, revisions_of(places.output, ask=ask, notice=_note)), places


def _places(loaded: LoadedSuite, output: Path | None, store: str | None) -> Places:
    """Where results lie; said, where it depends on more than the command and the current folder."""
    from lorr_bench.notebook import places_of
    from lorr_bench.shipped.results import BESIDE_FILES

    places = places_of(loaded, output, store)
    if output is None and places.output.parent.parent != BESIDE_FILES:
        _note(f"results in {places.output}, store in {places.store}")
    return places


def _results(*, named: bool = False) -> Path:
    from lorr_bench.shipped.results import results_folder

    return results_folder(os.environ, named=named)


def _store(places: Places) -> Any:
    from lorr_bench.store.remote import open_store

    return open_store(places.store, notice=_note)


def _note(text: str) -> None:
    typer.echo(f"note: {fit_to_show(text)}", err=True)


def _equal_quantities(plan: Plan) -> tuple[str, ...]:
    from lorr_bench.budget import EQUAL_QUANTITIES

    return tuple(name.replace("_", " ") for name in EQUAL_QUANTITIES[plan.suite.budget.equal])


def _consoles() -> tuple[Console, Console]:
    from lorr_bench.terminal.console import PlainConsole

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120
    return PlainConsole(width=width, soft_wrap=False), PlainConsole(stderr=True)


def _say_path(out: Console, what: str, path: Path) -> None:
    out.print(f"{what}: {path}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    main()
