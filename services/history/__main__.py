"""`python -m services.history`"""

from services.history.app import app
from services.history.settings import HistorySettings
from shared.service import run

if __name__ == "__main__":
    run("history", HistorySettings(), app)
