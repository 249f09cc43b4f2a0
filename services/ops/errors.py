"""What can keep `antiphon` from doing its work. The docstring is the sentence, the fields are the facts in it.

    OpsError
    ├── PortInUse  UnusableAddress                             the machine is not ready
    ├── DataDirInUse  DataDirNotWritable  DiskFull             and neither is its disk
    ├── BinaryMissing  UnusableAccount  InitdbFailed           the embedded servers can't start
    ├── NatsUnreachable  DatabaseUnreachable                   the configured servers don't answer
    ├── NeverReady  MigrationFailed                            our own processes don't come up
    ├── NoSigningKey  AuditFailed                              the audit
    ├── LogUnreadable  BadPosition  NotWritten                 reading the log, and writing down what it says
    ├── NotErased  NotRecovered                                orders about the log
    ├── BadReplay  ReplayBroken  BadExport  BadImport          the log as a tool
    ├── NotRunning  NotStopped  DemoFailed                     nothing to stop, or to show
    └── NoSecret  BadUser  BadDuration                         a token can't be made

Each ends the command with exit code 1 and this one sentence; none has a traceback.
"""


def sentence(error: BaseException) -> str:
    """What an error says, on one line; what it is, if it says nothing, as a deadline does."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class OpsError(Exception):
    """The command could not be carried out."""

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        first = (type(self).__doc__ or type(self).__name__).strip().splitlines()[0]
        super().__init__(first.format(**facts))


class PortInUse(OpsError):
    """Port {port} is already in use: stop the program that holds it, or choose another one with --port."""


class UnusableAddress(OpsError):
    """Nothing can listen on port {port} of {host} ({reason}): choose another --port, or another ANTIPHON_HOST."""


class DataDirInUse(OpsError):
    """Another `antiphon up` (pid {pid}) holds {path}: run `antiphon stop`, or choose another --data-dir."""


class DataDirNotWritable(OpsError):
    """The data directory {path} can't be written ({reason}): repair its permissions, or choose another --data-dir."""


class DiskFull(OpsError):
    """Only {free_mib} MiB are free where {path} lives, {needed_mib} are needed: free some space or move --data-dir."""


class BinaryMissing(OpsError):
    """The {name} program is missing: run `make run` again, or point {variable} at a server of your own."""


class UnusableAccount(OpsError):
    """PostgreSQL refuses to run as root and no other account could be used ({reason}): start as an ordinary user."""


class InitdbFailed(OpsError):
    """PostgreSQL could not make its data directory ({reason}): remove {path} and start again."""


class NatsUnreachable(OpsError):
    """NATS with JetStream doesn't answer at {url}: start it (nats-server -js), or correct ANTIPHON_NATS_URL."""


class DatabaseUnreachable(OpsError):
    """PostgreSQL doesn't answer at {url} ({reason}): start it, or correct ANTIPHON_DATABASE_URL."""


class NeverReady(OpsError):
    """{name} did not become ready ({reason}): its log is {log}, and `antiphon doctor` looks for the cause."""


class MigrationFailed(OpsError):
    """The database schema could not be brought to {revision} ({reason}): look with `antiphon doctor`."""


class NotRunning(OpsError):
    """Nothing is running on {path}: start it with `antiphon up`."""


class NotStopped(OpsError):
    """`antiphon up` (pid {pid}) did not stop within {waited_s} s: look at it with `ps`, or end it with kill -9."""


class NoSecret(OpsError):
    """There is no secret to sign with: start `antiphon up` once in this directory, or set ANTIPHON_SECRET."""


class BadDuration(OpsError):
    """{text!r} is not a duration: write seconds, or a number with s, m, h or d, such as 12h."""


class BadUser(OpsError):
    """{text!r} is nobody's id: it {rule}."""


class NoSigningKey(OpsError):
    """No key signs checkpoints here: start `antiphon up` once in this directory, or set ANTIPHON_SIGNING_KEY."""


class AuditFailed(OpsError):
    """AUDIT FAILED: {reason}"""


class NotWritten(OpsError):
    """{path} can't be written ({reason}): make room there, or name another place."""


class LogUnreadable(OpsError):
    """The log can't be read ({reason}): look with `antiphon doctor`."""


class BadPosition(OpsError):
    """{text!r} is no position of the log ({reason}): write a number, or a time such as 2026-01-31T12:00:00Z."""


class BadExport(OpsError):
    """Nothing was exported: {reason}."""


class BadReplay(OpsError):
    """Nothing was replayed: {reason}."""


class ReplayBroken(OpsError):
    """The bus went away in the middle: with --resume it goes on behind {seq}, the last position that arrived."""


class BadImport(OpsError):
    """Nothing more was imported: {reason}."""


class NotErased(OpsError):
    """Nothing more was erased: {reason}."""


class NotRecovered(OpsError):
    """Nothing was changed: {reason}."""


class DemoFailed(OpsError):
    """The demo did not come to its end ({reason}): look with `antiphon doctor`."""
