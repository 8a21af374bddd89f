"""What the live view shows, as text of a terminal of a given size."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from stage_samples import numbered

from lorr_bench.forecast.time_left import StageProgress
from lorr_bench.terminal.live_view import LiveView


def progress(number, label="train dpo+lorr, 400 pairs, seed 0", told=True):
    made = StageProgress(numbered("train", number, label), f"train {number}, GPU {number}", 0.0)
    if told:
        made.advances(10.0, 10, 100, 0)
        made.advances(20.0, 20, 100, 54321)
    return made


def lines(progresses, width=80, height=24, **changes):
    values = {
        "stages": (12, 1234),
        "arms": (3, 20),
        "failed": 0,
        "passed_seconds": 75.0,
        "left_seconds": 240.0,
        "running": progresses,
        "now": 20.0,
    }
    out = io.StringIO()
    Console(file=out, width=width, height=height, force_terminal=False).print(
        LiveView(**{**values, **changes})
    )
    return out.getvalue().splitlines()


def test_the_headline_counts_stages_and_arms_and_tells_the_time():
    bar, times = lines([])
    assert bar.endswith("12/1,234 stages, 3/20 arms")
    assert times == "1 min 15 s passed, about 4 min left"


def test_failures_are_counted_where_there_are_some():
    assert lines([], failed=4)[0].endswith("3/20 arms, 4 failed")


def test_time_that_cannot_be_told_is_being_measured():
    assert lines([], left_seconds=None)[1].endswith("time left: measuring")


def test_nothing_is_left_at_the_end():
    """Though stages failed."""
    assert lines([], stages=(4, 5), left_seconds=0.0, over=True)[1] == "1 min 15 s passed"


def test_a_seat_shows_its_stage_share_speed_and_time():
    heading, row = lines([progress(1)])[2:]
    assert heading.split() == ["worker", "stage", "done", "tokens/s", "left"]
    assert row.split("  ")[0] == "train 1, GPU 1"
    assert row.split()[4:] == ["train", "dpo+lorr,", "400", "pairs,", "seed", "0", "20%", "5,432", "1", "min"]


def test_a_stage_that_has_told_nothing_shows_no_figures():
    assert lines([progress(1, told=False)])[3].rstrip().endswith("seed 0")


@pytest.mark.parametrize(
    ("part", "told"), [("engine_start", "engine starts"), ("load", "loads weights"), ("generate", "seed 0")]
)
def test_a_stage_that_has_told_nothing_says_what_it_waits_for(part, told):
    waiting = progress(1, told=False)
    waiting.part = part
    assert lines([waiting])[3].rstrip().endswith(told)


def test_a_stage_that_got_further_says_how_far():
    further = progress(1)
    further.part = "load"
    assert "loads weights" not in lines([further])[3]


@pytest.mark.parametrize("width", [40, 80, 132])
@pytest.mark.parametrize("label", ["x" * 300, "長い" * 50])
def test_no_line_is_wider_than_the_terminal(width, label):
    shown = lines([progress(number, label) for number in range(3)], width=width)
    assert len(shown) == 6
    assert max(map(cell_len, shown)) <= width - 2  # a terminal writes ^C there


def test_both_ends_of_a_long_label_are_shown():
    row = lines([progress(1, "math500 answers: robust_dpo+lorr_without_reset, 1600 pairs, seed 17")])[3]
    assert "math500" in row
    assert "seed 17" in row


def test_seats_that_do_not_fit_are_counted():
    shown = lines([progress(number) for number in range(1, 65)], height=24)
    assert len(shown) == 23  # a line is left for the cursor
    assert shown[-1] == "and 45 more"


def test_seats_that_just_fit_are_all_shown():
    shown = lines([progress(number) for number in range(1, 21)], height=24)
    assert len(shown) == 23
    assert "train 20" in shown[-1]


def test_seats_are_in_the_order_of_their_numbers():
    shown = lines([progress(10), progress(2), progress(1)])[3:]
    assert [row.split(",")[0] for row in shown] == ["train 1", "train 2", "train 10"]


def test_markup_and_escapes_of_a_label_are_text():
    row = lines([progress(1, "[red]seed[/red] \x1b[2J")])[3]
    assert "[red]seed[/red] ⟨U+001B⟩[2J" in row


def test_red_is_for_failures_alone():
    """Rich draws bars in red, and what is left in a grey that a dark terminal hides."""
    made = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system="standard")
    values = {"passed_seconds": 1.0, "left_seconds": 1.0, "running": [], "now": 0.0}
    view = LiveView(stages=(1, 2), arms=(0, 1), failed=3, **values)
    styles = {
        part.text: part.style.color.name for part in made.render(view) if part.style and part.style.color
    }
    assert {text for text, color in styles.items() if color == "red"} == {"3 failed"}
    assert {color for text, color in styles.items() if set(text) <= set("━╸╺")} == {"green", "bright_black"}


def test_tries_are_told_apart_from_what_follows_them():
    assert lines([], tuning=True)[0].endswith("tuning: 12/1,234 stages, 3/20 tries")
