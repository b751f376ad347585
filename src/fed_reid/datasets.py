"""Says what there is of each benchmark and what is wrong with it; writes Occluded-Duke from what its user has.

    python -m fed_reid.datasets                                      # everything under the root
    python -m fed_reid.datasets market1501 people.csv --decode       # some, and every image read whole
    python -m fed_reid.datasets msmt17 --option msmt17.merge_val=false
    python -m fed_reid.datasets prepare occ_duke --duke DukeMTMC-reID.zip --lists Occluded_Duke

Its flags are its own: it looks at files and needs no configuration. It ends with 0 where all is well, with 1 where
something would make a number wrong, is refused by a training with no further words, or was not found, and with 2 where
it was called wrongly.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from pathlib import Path

from fed_reid.cli import run_plain
from fed_reid.data.audit.audit import Audit
from fed_reid.data.audit.survey import Missing, survey
from fed_reid.data.benchmarks.occ_duke import SPLITS, prepare_occ_duke
from fed_reid.errors import UserError
from fed_reid.reports.audit_table import audit_console, print_outcomes

PREPARE = "prepare"


def look(arguments: argparse.Namespace) -> int:
    """Prints what there is; the exit status says whether all of it is well."""
    outcomes = survey(arguments.names, arguments.root.expanduser(), _options(arguments.option), arguments.decode)
    console = audit_console()
    print_outcomes(console, outcomes)
    found = [outcome for outcome in outcomes if not isinstance(outcome, Missing)]
    wrong = [outcome for outcome in found if not isinstance(outcome, Audit) or outcome.faults]
    console.print(f"\n{len(found)} found, {len(wrong)} with something wrong, {len(outcomes) - len(found)} not found.")
    all_were_asked_for = bool(arguments.names)
    return int(bool(wrong) or not found or (all_were_asked_for and len(found) < len(outcomes)))


def prepare(arguments: argparse.Namespace) -> int:
    """Writes a benchmark that nobody may give away."""
    root = arguments.root.expanduser()
    target = prepare_occ_duke(
        arguments.duke.expanduser(), arguments.lists.expanduser(), root, check_counts=not arguments.no_check_counts
    )
    written = ", ".join(f"{len(list((target / folder).iterdir())):,} in {folder}" for folder in SPLITS.values())
    audit_console().print(f"{target} is written: {written}.", soft_wrap=True)
    return 0


def _options(texts: list[str]) -> dict[str, dict[str, object]]:
    options: dict[str, dict[str, object]] = defaultdict(dict)
    for text in texts:
        name, equals, value = text.partition("=")
        benchmark, dot, option = name.partition(".")
        if not (equals and dot):
            raise UserError(f"--option is {text!r}; expected <benchmark>.<option>=<value>, as msmt17.merge_val=false.")
        options[benchmark][option] = {"true": True, "false": False}.get(value.lower(), value)
    return dict(options)


def _parser(preparing: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fed_reid.datasets", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    root = Path(os.environ.get("FED_REID_DATA", "data"))
    parser.add_argument("--root", type=Path, default=root, help="folder of the data sets (FED_REID_DATA, then data)")
    if preparing:
        parser.add_argument("command", choices=[PREPARE])
        parser.add_argument("benchmark", choices=["occ_duke"])
        parser.add_argument("--duke", type=Path, required=True, help="your DukeMTMC-reID, zip file or folder")
        parser.add_argument("--lists", type=Path, required=True, help="folder of the authors' lists, your own copy")
        parser.add_argument("--no-check-counts", action="store_true", help="accept lists of a subset")
    else:
        parser.add_argument("names", nargs="*", metavar="NAME", help="benchmark, or a CSV or folder of your own")
        parser.add_argument("--decode", action="store_true", help="read every image whole, list the unreadable ones")
        parser.add_argument("--option", action="append", default=[], metavar="BENCHMARK.OPTION=VALUE")
    return parser


def main() -> None:
    """Console entry."""
    preparing = PREPARE in sys.argv[1:]
    arguments = _parser(preparing).parse_intermixed_args()
    run_plain(lambda: prepare(arguments) if preparing else look(arguments))


if __name__ == "__main__":
    main()
