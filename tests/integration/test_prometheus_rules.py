"""The alert rules under deploy/, as Prometheus' own tool reads and runs them."""

import re
import subprocess
import time

from outbox import worker
from outbox.chores import CHORES
from outbox.gauges import Reading, families
from outbox.metrics import Measures
from outbox.standing import read_standing
from tests.conftest import Database
from tests.expiries import expiring
from tests.postgres import find_tool
from tests.program import ROOT

RULES = ROOT / "deploy" / "prometheus-rules.yml"
CASES = ROOT / "tests" / "prometheus-rules.test.yml"
CHORE_METRIC = "outbox_chore_last_run_timestamp_seconds"


def promtool(*words: str) -> "subprocess.CompletedProcess[str]":
    """Runs promtool, and returns what it said."""
    return subprocess.run([find_tool("promtool", "prometheus"), *words], capture_output=True, text=True, check=False)


def alerts(text: str) -> set[str]:
    """The names of alerts in it."""
    return set(re.findall(r"\bOutbox[A-Z]\w+", text))


def test_the_rules_are_sound() -> None:
    """No unknown key, no expression or template that can't be read."""
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_fires_when_it_should_and_none_when_all_is_well() -> None:
    """Over made-up series; every rule has a case in which it fires."""
    done = promtool("test", "rules", str(CASES))
    assert done.returncode == 0, done.stdout + done.stderr
    assert alerts(RULES.read_text()) == alerts(CASES.read_text())


def test_the_rules_ask_for_metrics_that_there_are() -> None:
    """A metric that was renamed leaves no rule behind that never fires."""
    there = {metric.name for metric in [*Measures().registry.collect(), *families(None, None, answers=False)]}
    asked = set(re.findall(r"\boutbox_\w+", " ".join(re.findall(r"expr: (.*)", RULES.read_text()))))
    assert {name.removesuffix("_total") for name in asked} - there == set()


def test_the_rules_ask_for_chores_that_there_are(database: Database) -> None:
    """A label that nothing exports would leave a rule that never fires."""
    expiring(database)
    with database.engine.begin() as connection:
        for chore in CHORES:
            worker.tick(connection, chore.name, seconds=chore.seconds)
        stands = read_standing(connection, heartbeat_seconds=1)
    family = next(
        one for one in families(Reading((stands, {}), 0.1, time.time()), None, answers=True) if one.name == CHORE_METRIC
    )
    exported = {sample.labels["chore"] for sample in family.samples}
    asked = set(re.findall(r'\bchore=~?"([^"]*)"', RULES.read_text()))
    assert asked
    assert {label for label in asked if not any(re.fullmatch(label, one) for one in exported)} == set()
