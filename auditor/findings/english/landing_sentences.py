"""What reading a file came to, in English: what was recognised or passed over in it, and why a row cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from auditor.findings.codes import Code
from auditor.findings.english.numbers import counted
from auditor.findings.words import Words


def _separator(say: Words, *, separator: str, named: bool) -> str:
    line = "line before the header, which is no row" if named else "header line"
    mark = {"\t": "tab"}.get(separator, f'"{separator}"')
    return f"the separator {mark} was recognised from the {line}"


def _other_cells(say: Words, *, cells: int, columns: int) -> str:
    return f"{counted(cells, 'cell')} where the header has {columns}"


def _not_in_encoding(say: Words, *, byte: int, value: int, encoding: str) -> str:
    return f"byte {byte:,}, 0x{value:02X}, is not {encoding}"


def _above(say: Words, *, lines: int, names: int) -> str:
    return f"the names stand in line {names:,}: {counted(lines, 'line')} above {_passed(lines)}"


def _below(say: Words, *, lines: int, first: int) -> str:
    return f"{counted(lines, 'line')} below the last row, from line {first:,} on, {_passed(lines)}"


def _again(say: Words, *, lines: Sequence[int], more: int) -> str:
    listed = ", ".join(f"{line:,}" for line in lines) + (f" and {more:,} more" if more else "")
    where = "line" if len(lines) + more == 1 else "lines"
    return f"the names of the header stand again among the rows, and {where} {listed} {_passed(len(lines) + more)}"


def _empty_lines(say: Words, *, lines: int) -> str:
    return f"{counted(lines, 'empty line')} {'was' if lines == 1 else 'were'} passed over"


def _empty_rows(say: Words, *, rows: int) -> str:
    return f"{counted(rows, 'empty row')} {'was' if rows == 1 else 'were'} passed over"


def _long_numbers(say: Words, *, numbers: int) -> str:
    return f"{counted(numbers, 'number')} {'has' if numbers == 1 else 'have'} more than the 15 digits that Excel keeps"


def _hidden_rows(say: Words, *, rows: int) -> str:
    hidden = "row of the sheet is hidden and was" if rows == 1 else "rows of the sheet are hidden and were"
    return f"{rows:,} {hidden} read like the others"


def _merged_cells(say: Words, *, cells: str, more: int) -> str:
    listed = cells + (f" and {more:,} more" if more else "")
    return f"cells are merged over several rows ({listed}): only the first row of them has the value"


def _passed(lines: int) -> str:
    return "is no row and was passed over" if lines == 1 else "are no rows and were passed over"


def _filled(text: str) -> Callable[..., str]:
    """For a sentence that differs in names and numbers alone."""
    return lambda say, **parameters: text.format(**parameters)


LANDING: Final[Mapping[Code, Callable[..., str]]] = {
    Code.ENCODING_RECOGNISED: _filled("the encoding {encoding} was recognised, which needs a look at the names"),
    Code.SEPARATOR_RECOGNISED: _separator,
    Code.SEPARATOR_NAMED: _filled("the line before the header names a separator and was passed over"),
    Code.QUOTE_RECOGNISED: _filled("the quote {mark} was recognised"),
    Code.ESCAPE_RECOGNISED: _filled("the escape {mark} was recognised"),
    Code.BYTE_ORDER_MARK: _filled("the file begins with a byte order mark, which was passed over"),
    Code.NO_LAST_LINE_END: _filled("the last line has no line end"),
    Code.LINE_ENDS_DOUBLED: _filled(
        "each line ends in one line end too many (CR CR LF or LF CR), which was passed over"
    ),
    Code.LINES_ABOVE_NAMES: _above,
    Code.LINE_BELOW_NAMES: _filled("line {line}, which only underlines the names, was passed over"),
    Code.NAMES_AGAIN: _again,
    Code.LINES_BELOW_ROWS: _below,
    Code.SEPARATOR_ENDS_LINES: _filled("each row ends in a separator, behind which nothing stands"),
    Code.EMPTY_LINES: _empty_lines,
    Code.EMPTY_ROWS: _empty_rows,
    Code.ROW_BEFORE_NAMES: _filled("the row before the names, which is no row but names a separator, was passed over"),
    Code.COLUMN_WITHOUT_NAME: _filled("column {column} has no name and was left out"),
    Code.COLUMN_WITH_NUL: _filled("column {column} has a NUL in its name and was left out"),
    Code.LONG_NUMBERS: _long_numbers,
    Code.HIDDEN_ROWS: _hidden_rows,
    Code.MERGED_CELLS: _merged_cells,
    Code.ROWS_OF_A_LIST: _filled('the rows are those of the list "{name}"; what stands beside it was passed over'),
    Code.QUOTE_NOT_CLOSED: _filled("a quote is not closed"),
    Code.TEXT_AFTER_QUOTE: _filled("text follows a closing quote"),
    Code.OTHER_CELLS: _other_cells,
    Code.CELL_OF_MANY_LINES: _filled("a cell spans more than {lines} lines"),
    Code.ROW_TOO_LONG: _filled("the row is longer than {bytes:,} bytes"),
    Code.LINE_TOO_LONG: _filled("the line is longer than {bytes:,} bytes"),
    Code.NOT_IN_ENCODING: _not_in_encoding,
    Code.NO_UTF8: _filled("bytes that are no text in UTF-8"),
    Code.HALF_A_PAIR: _filled("half of a surrogate pair, which is no character"),
    Code.NO_JSON: _filled("no JSON from character {character} on"),
    Code.NO_JSON_OBJECT: _filled("no JSON object"),
    Code.NAME_TWICE: _filled('the name "{name}" stands twice'),
    Code.NESTED_TOO_DEEPLY: _filled("nested too deeply"),
    Code.FORMULA_NOT_WORKED_OUT: _filled(
        "column {column} holds a formula that was never worked out: open and save the file in Excel"
    ),
    Code.CELL_ERROR: _filled("column {column} holds the error {error}"),
    Code.MORE_CELLS_THAN_NAMES: _filled("the row has more cells than the {names} names of the first row"),
    Code.NOBODY_NAMED: _filled("the row does not say who it was"),
    Code.HAPPENED_UNCLEAR: _filled("what happened is not understood: [exports] values can say it"),
    Code.CHANNEL_UNCLEAR: _filled("the channel is neither e-mail nor SMS"),
    Code.BOUNCE_UNCLEAR: _filled("a bounce that is neither hard nor soft"),
    Code.MOMENT_UNREAD: _filled("the moment cannot be read: [exports] format can say how it is written"),
    Code.MOMENT_TO_COME: _filled("the moment lies in the future"),
}
