"""What may be asked of a run of all cells."""

from pydantic import Field

from studium.api.shapes.base import Asked
from studium.notebooks.launching import LONGEST_CELL
from studium.notebooks.states import RunOptions

CELL_SECONDS = f"The longest that one cell may take, 1 to {LONGEST_CELL}; then it is interrupted and has failed."
KEEP_GOING = "Whether the cells after one that failed are run. The run has failed all the same."


class HowToRun(Asked):
    """Options of a run of all cells. By default a cell may take as long as the run, and the first error ends it."""

    cell_seconds: int | None = Field(None, description=CELL_SECONDS)
    keep_going: bool = Field(False, description=KEEP_GOING)

    @property
    def options(self) -> RunOptions:
        return RunOptions(cell_seconds=self.cell_seconds, keep_going=self.keep_going)
