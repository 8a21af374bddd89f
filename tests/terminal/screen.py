"""A terminal of a given size, as far as a live view moves its cursor: what stays on it, line by line."""

import re

ESCAPE = re.compile(r"\x1b\[\??([\d;]*)([A-Za-z])")


class Screen:
    """What was written to it and has not been written over; lines that scrolled off the top are kept.

    A letter after the last column goes on the next line, as in xterm.
    """

    def __init__(self, width, height=24):
        self.width, self.height = width, height
        self._rows = [[]]
        self._row = self._column = 0

    @property
    def lines(self):
        """What stands there, without blanks at the ends of lines, and without empty lines at the end."""
        texts = ["".join(row).rstrip() for row in self._rows]
        while texts and not texts[-1]:
            texts.pop()
        return texts

    def feed(self, text):
        """Write text as a terminal gets it."""
        at = 0
        while at < len(text):
            if (escape := ESCAPE.match(text, at)) is not None:
                self._control(*escape.groups())
                at = escape.end()
            else:
                self._letter(text[at])
                at += 1

    def _control(self, values, command):
        number = int(values.split(";")[0] or 1) if values else 1
        match command:
            case "A":
                top = max(0, len(self._rows) - self.height)
                self._row = max(top, self._row - number)
            case "K":
                kept = [] if values == "2" else self._rows[self._row][: self._column]
                self._rows[self._row] = kept
            case "m" | "h" | "l":
                pass
            case _:
                raise NotImplementedError(f"{values}{command}")

    def _letter(self, letter):
        match letter:
            case "\r":
                self._column = 0
            case "\n":
                self._column = 0
                self._go_down()
            case "\b":
                self._column = max(0, self._column - 1)
            case _:
                if self._column == self.width:
                    self._column = 0
                    self._go_down()
                row = self._rows[self._row]
                row += " " * (self._column + 1 - len(row))
                row[self._column] = letter
                self._column += 1

    def _go_down(self):
        self._row += 1
        if self._row == len(self._rows):
            self._rows.append([])
