"""The functional core of a session: `evolve` folds facts into a state, `decide` turns a command into the next fact."""

from shared.session.catalogue import COMMANDS
from shared.session.commands import Command
from shared.session.decide import decide
from shared.session.decided import Actor, Decided
from shared.session.evolve import evolve
from shared.session.state import OpenReply, SessionState, Target

__all__ = ["COMMANDS", "Actor", "Command", "Decided", "OpenReply", "SessionState", "Target", "decide", "evolve"]
