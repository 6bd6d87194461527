"""The builds of onnxruntime. Each is a package of its own, and all put their files into one folder."""

from importlib.metadata import distributions

FOLDER = "onnxruntime"


def clashing_builds() -> list[str]:
    """The names of the installed builds where there are several: one lies on top of the other, and which is chance."""
    # Asked by folder, for names don't tell: onnxruntime-qnn was a build once and is a plugin now. It is faster, too.
    builds = [each for each in distributions() if FOLDER in (each.read_text("top_level.txt") or "").split()]
    here = sorted({each.metadata["Name"].lower().replace("_", "-") for each in builds})
    return here if len(here) > 1 else []
