"""Setting up: from a structure, an export and a look at the truth to a contract that a steward can read and correct.

    look ─► propose ─► (questions) ─► written: settings, contract, request sheet

`names` and `values` say how much two columns have in common; `propose` decides, and says why.
"""
