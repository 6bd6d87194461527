"""The queue as its folder keeps it."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from glaze_edge.app.queue_folder import LONGEST_NAME, Item, QueueFolder, safe_name


@given(st.text())
def test_any_name_becomes_the_name_of_a_file_and_stays_it(name: str) -> None:
    safe = safe_name(name)
    assert safe not in ("", ".", "..")
    assert Path(safe).name == safe
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', safe)
    assert safe == safe.strip(" .")
    assert len(safe.encode()) <= LONGEST_NAME + 20
    assert safe_name(safe) == safe


def test_names_keep_what_can_be_kept() -> None:
    assert safe_name("Käthe – Blüten ヴ.png") == "Käthe – Blüten ヴ.png"
    assert safe_name("../../etc/passwd") == "passwd"
    assert safe_name(r"C:\Users\me\comic.jpg") == "comic.jpg"
    assert safe_name("CON.png") == "_CON.png"
    assert safe_name("") == "picture"


def _kept(folder: QueueFolder, **fields: object) -> Item:
    item = Item(name="a.png", **fields)  # type: ignore[arg-type]
    folder.admit(item).write_bytes(b"picture")
    return item


def test_a_crash_leaves_the_queue_and_nothing_else(tmp_path: Path) -> None:
    folder = QueueFolder(tmp_path / "queue")
    assert folder.open() == []
    working = _kept(folder, state="working", embedding=[0.5], audit="none")
    audited = _kept(folder, state="done", embedding=[0.5], audit="working")
    gone = Item(name="gone.png", state="waiting")
    _kept(folder)  # its upload never ended
    (folder.path / "result.zip").write_bytes(b"")
    folder.save([working, audited, gone])
    found = QueueFolder(tmp_path / "queue").open()
    assert [(item.id, item.state, item.audit) for item in found] == [
        (working.id, "waiting", "none"),
        (audited.id, "done", "none"),
    ]
    assert sorted(path.name for path in folder.path.iterdir()) == sorted(
        [working.id, audited.id, "queue.json"]
    )


def test_a_damaged_or_forged_list_is_no_list(tmp_path: Path) -> None:
    folder = QueueFolder(tmp_path / "queue")
    folder.open()
    item = _kept(folder)
    (tmp_path / "secret.png").write_bytes(b"secret")
    for forged in (Item(id="../..", name="secret.png"), Item(id=item.id, name="../../../secret.png")):
        folder.save([forged])
        assert folder.open() == []
    (folder.path / "queue.json").write_text("[{")
    assert folder.open() == []
