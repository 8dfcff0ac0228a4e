"""x"""

from auditor.sandbox.state import State


def drift(state: State) -> None:
    state.facts["answers"] = {}
