"""The exceptions of this package. A failed delivery is no exception: it is an `Outcome`."""


class OutboxError(Exception):
    """Something this product was asked to do could not be done (exit code 1)."""

    exit_code = 1


class ConfigurationError(OutboxError):
    """The configuration or the call is wrong (exit code 2).

    `faults` holds every fault found, one sentence each: where, what was expected, what came, what to do.
    """

    exit_code = 2

    def __init__(self, *faults: str) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class RefusedError(OutboxError):
    """A request that the rules refuse, such as replaying to a disabled connector; the message says why."""


class SchemaError(OutboxError):
    """The database's schema is not the one this version works with, or its owner is not who asks; one line each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))


class SecretError(OutboxError):
    """A secret can't be encrypted or decrypted with the keys at hand; never names the secret."""
