"""What a terminal would show: enough of it to read GRUB's menu."""

import codecs
import re

MOVE = re.compile(r"\x1b\[(\d*);?(\d*)H")
OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>78]")


# The lines of the box, as OVMF's console writes them: no UTF-8.
codecs.register_error(
    "codepage437", lambda error: (error.object[error.start:error.end].decode("cp437"), error.end))


class Screen:
    def __init__(self):
        self.rows = {}
        self.row, self.column = 1, 1

    def draw(self, text):
        place = 0
        while place < len(text):
            move, other = MOVE.match(text, place), OTHER.match(text, place)
            if move:
                self.row, self.column = int(move.group(1) or 1), int(move.group(2) or 1)
                place = move.end()
            elif other:
                if other.group() == "\x1b[2J":
                    self.rows = {}
                place = other.end()
            else:
                self._put(text[place])
                place += 1

    def _put(self, character):
        if character == "\n":
            self.row += 1
        elif character == "\r":
            self.column = 1
        elif character == "\b":
            self.column = max(1, self.column - 1)
        else:
            self.rows.setdefault(self.row, {})[self.column] = character
            self.column += 1

    def lines(self):
        for row in sorted(self.rows):
            columns = self.rows[row]
            yield "".join(columns.get(column, " ") for column in range(1, max(columns) + 1))

    def menu(self):
        """The entries in the box, and the number of the selected one."""
        entries, selected = [], 0
        for line in self.lines():
            inside = re.match(r"\s*[│|](.*?)[│|^v]?\s*$", line)
            if inside and inside.group(1).strip():
                if inside.group(1).lstrip().startswith("*"):
                    selected = len(entries)
                entries.append(inside.group(1).strip(" *"))
        return entries, selected
