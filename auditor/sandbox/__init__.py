"""A stand-in Actito server with an invented Belgian licence, for trying, demonstrating and testing.

It shares nothing with the audit but the error classes, so that it can disagree with the client.

    process     starts and drives a sandbox in a process of its own (demo, tests)
    serve       listens on loopback until it is told to stop; network: its connections, which can be dropped
    app         puts together what a call meets, from the outside in:
                gateway     token, concurrent requests, calls of a minute (limits)
                wire        faults of the network and the edge, judgement of the call, spelling of its answer
                routes_*    the calls; writes: bodies as changes; checks and codes: which values are accepted
                beside it: inspection and controls (/_sandbox/), openapi (its own description)
    faults      which faults there are and when they happen: in wire, meanwhile, imports and files
    breaches    what a client must not do, and who did
    dialect     everything that is assumed, drawn from a seed where wanted; spelling says it so
    clock       all of the sandbox's time
    imports     the queue of one-shot ETL executions
    drift       what happens in a week, planted by plants_values, plants_rows and plants_permissions in a `week`;
                answers: what an audit must find then
    licence     the agreed state, made of people (names), their CRM spelling (crm) and old mistakes (legacy)
    state       profiles and CRM rows in memory; storage keeps them in SQLite; files renders export and extract
    structure   the profile table
"""
