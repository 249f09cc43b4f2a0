"""`python -m services.ops.reference`: writes the reference pages into docs/."""

from pathlib import Path

from services.ops.reference import write

if __name__ == "__main__":
    for path in write(Path("docs")):
        print(path)
