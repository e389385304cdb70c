"""Load the weights that ship with the embedded engine; NOTICE names the data they were trained on."""

from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "model"


@cache
def load_weights(name: str) -> dict[str, Any]:
    """Return the arrays of one weights file by name, such as `units`; numpy is imported only now."""
    import numpy

    with numpy.load(FOLDER / f"{name}.npz", allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}
