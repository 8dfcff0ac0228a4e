"""Draws how time and memory grow from the numbers that were measured: `python bench/plot.py NUMBERS.json TARGET.svg`.

NUMBERS.json is what `bench/compare.py --save` wrote. Matplotlib has an environment of its own, as the peers have.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from compare import CACHE
from peers import environment

MATPLOTLIB = "matplotlib==3.11.0"

DRAWING = """
import json, sys
import matplotlib
matplotlib.use("svg")
matplotlib.rcParams |= {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}
matplotlib.rcParams |= {"axes.spines.top": False, "axes.spines.right": False}
import matplotlib.pyplot as plt

measured = [one for one in json.load(open(sys.argv[1])) if one["case"] == "usual"]
formats = sorted({one["format"] for one in measured}, reverse=True)
titles = list(dict.fromkeys(title for one in measured for title in one["costs"]))
styles = {title: dict(color=f"C{place}", marker="o", label=title) for place, title in enumerate(titles)}
figure, axes = plt.subplots(2, len(formats), figsize=(5 * len(formats), 6.4), squeeze=False, sharex=True)
for column, format in enumerate(formats):
    rounds = sorted((one for one in measured if one["format"] == format), key=lambda one: one["rows"])
    for row, (what, unit) in enumerate((("seconds", "seconds"), ("peak", "MiB at most"))):
        axis = axes[row][column]
        for title in titles:
            points = [(one["rows"] / 1e6, one["costs"][title][what]) for one in rounds if title in one["costs"]]
            if points:
                axis.plot(*zip(*points), **styles[title])
        axis.set_ylim(bottom=0)
        axis.set_ylabel(unit)
        axis.grid(alpha=0.3)
    axes[0][column].set_title({"csv": "CSV", "parquet": "Parquet"}[format])
    axes[1][column].set_xlabel("million rows of 20 columns on each side")
named = {name: line for axis in axes.flat for line, name in zip(*axis.get_legend_handles_labels())}
figure.legend(named.values(), named.keys(), frameon=False, loc="lower center", ncols=5)
figure.tight_layout(rect=(0, 0.07, 1, 1))
figure.savefig(sys.argv[2], metadata={"Date": None, "Creator": None})
"""


def main() -> None:
    """Draw it."""
    numbers, target = map(Path, sys.argv[1:])
    place = environment(MATPLOTLIB, CACHE)
    if place is None:
        raise SystemExit(f"{MATPLOTLIB} does not install here")
    subprocess.run([str(place / "python"), "-c", DRAWING, str(numbers), str(target)], check=True)


if __name__ == "__main__":
    main()
