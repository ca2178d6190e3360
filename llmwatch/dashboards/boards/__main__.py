"""`python -m llmwatch.dashboards.boards` writes what ships into the `dashboards/` of the source tree."""

from pathlib import Path

from . import made

folder = Path(__file__).parents[3] / "dashboards"
folder.mkdir(exist_ok=True)
for name, text in made().items():
    (folder / name).write_text(text, "utf-8")
