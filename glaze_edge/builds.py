"""The builds of onnxruntime. Each has a package of its own, and all put their files into one folder."""

from importlib.metadata import distributions

BUILDS = frozenset(
    {
        "onnxruntime",
        "onnxruntime-directml",
        "onnxruntime-gpu",
        "onnxruntime-openvino",
        "onnxruntime-qnn",
        "onnxruntime-silicon",
        "onnxruntime-webgpu",
    }
)


def clashing_builds() -> list[str]:
    """The names of the installed builds where there are several: one lies on top of the other, and which is chance."""
    found = {(each.metadata["Name"] or "").lower().replace("_", "-") for each in distributions()}
    here = sorted(found & BUILDS)
    return here if len(here) > 1 else []
