"""`outbox`, and `python -m outbox`."""

import os
import signal
import sys


def main() -> None:
    """Runs the command; a daemon that is told to end while its libraries load does, for it has nothing under way."""
    if "run" in sys.argv[1:]:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda *_: os._exit(0))
    from outbox.cli import main as command

    command()


if __name__ == "__main__":
    main()
