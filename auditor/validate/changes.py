"""What differs between two suites, in sentences: for whoever keeps the file."""

from __future__ import annotations

from auditor.validate.suite import Expectation, Suite


def changes(before: Suite | None, after: Suite) -> tuple[str, ...]:
    """A sentence for each expectation that is new, gone or other than before, in the order of the suites.

    An expectation is the same one where its type, columns and rule are; what can have changed of it is its settings and
    severity. Words beside it are no change.
    """
    if before is None:
        return ()
    old = {one.place: one for one in before.expectations}
    new = {one.place: one for one in after.expectations}
    told = []
    for place, one in new.items():
        if place not in old:
            told.append(f"new: {_in_words(one)}")
        elif _settings(old[place]) != _settings(one):
            told.append(f"changed: {_in_words(one)}; it was: {old[place].sentence}")
    told += [f"gone: {_in_words(one)}" for place, one in old.items() if place not in new]
    return tuple(told)


def _settings(one: Expectation) -> tuple[dict[str, object], str]:
    return dict(one.kwargs), one.severity


def _in_words(one: Expectation) -> str:
    return f"{', '.join(one.columns) or 'the table'}: {one.sentence}"
