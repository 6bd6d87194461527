"""Results on their way to the artist: in one zip file, or beside the originals."""

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from glaze_edge.app import messages
from glaze_edge.app.queue import Queue
from glaze_edge.app.queue_folder import Item, QueueFolder
from glaze_edge.files import output_path
from glaze_edge.files.atomic import replacing
from glaze_edge.files.paths import check_destination, distinct
from glaze_models.errors import OutputError


def pack(folder: QueueFolder, items: Sequence[Item]) -> Path:
    """A zip file with the results of `items`, which is the caller's to remove."""
    with (
        tempfile.NamedTemporaryFile(dir=folder.path, suffix=".zip", delete=False) as file,
        zipfile.ZipFile(file, "w") as archive,
    ):
        results = [folder.result(item) for item in items]
        for result, name in zip(results, distinct([Path(result.name) for result in results]), strict=True):
            archive.write(result, name)
    return Path(file.name)


def save_beside(queue: Queue) -> tuple[list[Path], list[tuple[str, messages.Problem]]]:
    """Write results beside the artist's own files; gives what was written, and (name, why not) of what was not."""
    written: list[Path] = []
    skipped: list[tuple[str, messages.Problem]] = []
    for item in queue.items:
        if item.result is None or item.origin is None or item.saved:
            continue
        try:
            written.append(_save_beside(queue.folder.result(item), Path(item.origin)))
        except OutputError as error:
            skipped.append((item.name, messages.problem(error)))
        else:
            queue.update(item, saved=True)
    return written, skipped


def _save_beside(result: Path, origin: Path) -> Path:
    try:
        path = output_path(origin, None)
        check_destination(origin, path)
        with replacing(path) as file, result.open("rb") as content:
            shutil.copyfileobj(content, file)
    except OSError as error:
        raise OutputError(f"{origin.name} was not written: {error.strerror or error}.") from error
    return path
