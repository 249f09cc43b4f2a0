"""`python -m services.projector`"""

from services.projector.app import app
from services.projector.settings import ProjectorSettings
from shared.service import run

if __name__ == "__main__":
    run("projector", ProjectorSettings(), app)
