"""A stand-in Actito server with an invented Belgian licence, for trying, demonstrating and testing.

It shares nothing with the audit but the error classes, so that it can disagree with the client.

    process     starts and drives a sandbox in a process of its own (demo, tests)
    serve       listens on loopback until it is told to stop
    app         puts together: gateway (token, limits), routes_v4, routes_v5, inspection (/_sandbox/)
    imports     the queue of one-shot ETL executions
    drift       what happens in a week, planted by plants_values, plants_rows and plants_permissions in a `week`;
                answers: what an audit must find then
    licence     the agreed state, made of people (names), their CRM spelling (crm) and old mistakes (legacy)
    state       profiles, CRM rows and clock in memory; storage keeps them in SQLite; files renders export and extract
    writes      request bodies as changes; checks and codes: which values are accepted
    structure   the profile table; limits: what the licence allows; dialect: everything that is assumed
"""
