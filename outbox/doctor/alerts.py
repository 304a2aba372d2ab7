"""Checks of alerting: whether people would hear, and what they were told of that still stands."""

from outbox.alerts import count_open, deaf
from outbox.doctor.ground import Finding, Ground, ago, counted


def check_alerts(ground: Ground) -> list[Finding]:
    """An alert hook that is set takes alerts."""
    if not ground.settings.alerts.wanted:
        return [ground.ok("no alert hook is set: nobody is told; set alerts.url to change that")]
    failing = deaf(ground.connection)
    if failing is not None:
        verb = "was" if failing.waiting == 1 else "were"
        words = f"{counted(failing.waiting, 'alert')} {verb} not taken by the hook, for {ago(failing.seconds)}"
        return [
            ground.late(failing.seconds, f"{words}: {failing.error}", "mend alerts.url; `outbox alerts test` tries it")
        ]
    stand = count_open(ground.connection)
    told = ", ".join(f"{rule} {count}" for rule, count in sorted(stand.items()))
    return [ground.ok(f"the hook takes alerts; {f'these stand: {told}' if told else 'none stands'}")]
