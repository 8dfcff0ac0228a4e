"""The table structure as something that changes: what it is, what it lacks, and what would have to become of it.

    describe    an attribute, a restriction, a change in words
    changes     two moments of one structure compared, and what each change means for contract, suite, synchronisations
    since       what changed since the last run, as a run tells it
    measure     what the truth's cells look like: counts and lengths, never values
    infer       the type and restriction of a new attribute from what was measured
    fit         the live structure against the contract, the truth's data, the export and the synchronisations
    proposal    a change of the structure as an immutable plan, named by its SHA-256
    sheet       that plan as a text for the people who look after Actito

Nothing here asks or changes Actito: `auditor.commands.structure` does.
"""
