"""How far the score of "probably the same person" can be trusted: `make calibration`.

On generated people whose truth is known (`tests/people.py`): the weights of `auditor/explain/persons/model.py`, fitted
by logistic regression to companies that lie apart from those that it is judged on; then, of these, how often a pair of
a score is one person, how many of the reported pairs are right and how many of all pairs are reported, there and
in FEBRL's data sets. Nothing is written: a fit that is better goes into the model by hand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from auditor.engine.duckdb import DuckDB, name_of
from auditor.explain.persons import candidates, people, weighing
from auditor.explain.persons.model import EVIDENCE, NAMESAKES, NAMESAKES_WEIGHT, PRIOR, USUAL_NAMESAKES, Link, Says
from auditor.explain.spelling import FUNCTIONS
from tests.febrl import set_4, within
from tests.people import VARIED, generate
from tests.person_trials import COLUMNS, Trial, load, together, tried

PEOPLE = 10_000
FITTED = range(20)
"""Seeds; each company of `VARIED` in turn."""
HELD_OUT = range(100, 110)
EDGES = (0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

Vector = npt.NDArray[np.float64]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = DuckDB(temp=Path(folder))
        names, patterns, matches, counts = _pairs(engine)
        _show_fit(names, _fitted(patterns, matches, counts))
        trials = [tried(engine, generate(seed, PEOPLE)) for seed in HELD_OUT]
        febrl = {"4": tried(engine, set_4())["both"], "3": tried(engine, within(3))["platform"]}
    for name, trial in febrl.items():
        _show(f"of FEBRL's set {name}", trial)
    print(f"\n{len(trials)} other companies of {PEOPLE:,} people")
    _show("of one side and the other", together(trial["both"] for trial in trials))
    _show("of one side", together(trial[side] for trial in trials for side in ("platform", "truth")))
    for company in range(len(VARIED)):
        here = together(trial["both"] for trial in trials[company :: len(VARIED)])
        print(f"  company {company}: precision {here.precision:.3f}, recall {here.recall:.3f}")


def _pairs(engine: DuckDB) -> tuple[list[tuple[str, str]], Vector, Vector, Vector]:
    """The names of the features; and per pattern of levels its features, and how many pairs are one person, and are."""
    frames = pl.concat(list(_candidates(engine)))
    gammas = [f"gamma_{kind.name}" for kind in EVIDENCE]
    tally = frames.group_by("across", "namesakes", *gammas).agg(pl.col("same").sum(), pl.len())
    names: list[tuple[str, str]] = []
    columns: list[Vector] = []
    for kind in EVIDENCE:
        gamma = tally[f"gamma_{kind.name}"].to_numpy()
        for place, level in enumerate(kind.levels):
            if level.says is not Says.NOTHING:
                names.append((kind.name, level.says.value))
                columns.append((gamma == len(kind.levels) - 1 - place).astype(float))
        if kind.name == NAMESAKES:
            usual = np.log2(USUAL_NAMESAKES / tally["namesakes"].fill_null(USUAL_NAMESAKES).to_numpy())
            names.append((kind.name, "namesakes"))
            columns.append((gamma == len(kind.levels) - 1) * usual)
    for across, same, there in tally.group_by("across").agg(pl.col("same", "len").sum()).sort("across").rows():
        print(f"of the candidates {'across' if across else 'within'}, {same / there:.3f} are one person")
    across = tally["across"].to_numpy()
    names += [("prior", Link.ACROSS), ("prior", Link.WITHIN)]
    columns += [across.astype(float), (~across).astype(float)]
    return (
        names,
        np.column_stack(columns),
        tally["same"].to_numpy().astype(float),
        tally["len"].to_numpy().astype(float),
    )


def _candidates(engine: DuckDB) -> Iterator[pl.DataFrame]:
    engine.register(FUNCTIONS)
    for made in (generate(seed, PEOPLE) for seed in FITTED):
        persons = people.collect(engine, load(engine, made), COLUMNS)
        weighed = weighing.weigh(engine, persons, candidates.find(engine, persons), least=-1000)
        known = pl.DataFrame(
            [("platform", row.key, row.person) for row in made.platform]
            + [("truth", row.key, row.person) for row in made.truth],
            schema={"side": pl.String(), "key": pl.String(), "person": pl.Int64()},
            orient="row",
        )
        rows, whose = name_of(persons), name_of(engine.put(known, "known"))
        joined = engine.keep_sql(
            "SELECT a.side <> b.side AS across, k.person = n.person AS same, "
            "greatest(a.namesakes, b.namesakes) AS namesakes, COLUMNS('gamma_.*') "
            f"FROM {name_of(weighed)} AS w JOIN {rows} AS a ON a.id = w.l JOIN {rows} AS b ON b.id = w.r "
            f"JOIN {whose} AS k ON k.side = a.side AND k.key = a.key "
            f"JOIN {whose} AS n ON n.side = b.side AND n.key = b.key",
            "pairs_that_are_known",
        )
        yield engine.frame(joined)


def _fitted(features: Vector, matches: Vector, counts: Vector) -> Vector:
    """The weights in bits: logistic regression by Newton's method, held back by half a pair of each."""
    weights = np.zeros(features.shape[1])
    for _ in range(30):
        expected = 1 / (1 + np.exp(-features @ weights))
        slope = features.T @ (matches - counts * expected) - 0.5 * weights
        bend = (features.T * (counts * expected * (1 - expected))) @ features + 0.5 * np.eye(len(weights))
        weights += np.linalg.solve(bend, slope)
    bits: Vector = weights / np.log(2)
    return bits


def _show_fit(names: list[tuple[str, str]], weights: Vector) -> None:
    held = [(level.weight, kind.name) for kind in EVIDENCE for level in kind.levels if level.says is not Says.NOTHING]
    held.insert(names.index((NAMESAKES, "namesakes")), (NAMESAKES_WEIGHT, NAMESAKES))
    held += [(PRIOR[Link.ACROSS], "prior"), (PRIOR[Link.WITHIN], "prior")]
    print(f"{'evidence':<12} {'level':<10} {'fitted':>7} {'in use':>7}   bits")
    for (name, level), weight, (used, _) in zip(names, weights, held, strict=True):
        print(f"{name:<12} {level:<10} {weight:7.1f} {used:7.1f}")


def _show(what: str, trial: Trial) -> None:
    print(f"  pairs {what}: {len(trial.right):,} reported of {trial.there:,}, "
          f"precision {trial.precision:.3f}, recall {trial.recall:.3f}")  # fmt: skip
    for pairs, score, share in trial.bins(EDGES):
        print(f"    {pairs:6,} pairs of score {score:.2f}: {share:.2f} are one person")


if __name__ == "__main__":
    main()
