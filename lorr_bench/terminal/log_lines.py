"""Lines of a log: no more than one a second of what happens often, each of what matters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

PAUSE_SECONDS: Final = 1.0


class LogLines:
    """Writes lines. Those that may be passed over are held until a second has passed; the last one stands.

    Args:
        write: Writes one line.
        clock: Seconds; replaced in tests.
        make_timer: Makes what writes a held line when nothing else happens; replaced in tests.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        make_timer: Callable[[float, Callable[[], None]], threading.Timer] = threading.Timer,
    ) -> None:
        self._write = write
        self._clock = clock
        self._make_timer = make_timer
        self._lock = threading.RLock()
        self._due = float("-inf")
        self._held: tuple[str, str] | None = None
        self._passed_over = 0
        self._timer: threading.Timer | None = None

    def write(self, text: str) -> None:
        """Write a line now, after what was held."""
        with self._lock:
            self.flush()
            self._write(text)

    def write_latest(self, text: str, ending: str = "") -> None:
        """Write a line now, or when a second has passed since the last; then the latest, with a count.

        Args:
            text: The line.
            ending: What follows the count.
        """
        with self._lock:
            self._passed_over += self._held is not None
            self._held = (text, ending)
            if (wait := self._due - self._clock()) <= 0:
                self.flush()
            elif self._timer is None:
                self._timer = self._make_timer(wait, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what is held."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._held is None:
                return
            (text, ending), more = self._held, self._passed_over
            self._held, self._passed_over = None, 0
            self._due = self._clock() + PAUSE_SECONDS
            self._write(f"{text}{f', and {more:,} more' if more else ''}{ending}")
