"""Picture files: read into what the optimiser sees, written back with the glaze added and all else kept."""

from glaze_edge.files.mark import Mark
from glaze_edge.files.paths import FORMAT_CHOICES, check_destination, output_path, output_paths, report_paths
from glaze_edge.files.picture import Picture
from glaze_edge.files.read import MAX_PIXELS, MIN_SIDE, probe, read_picture
from glaze_edge.files.write import write_picture

__all__ = [
    "FORMAT_CHOICES",
    "MAX_PIXELS",
    "MIN_SIDE",
    "Mark",
    "Picture",
    "check_destination",
    "output_path",
    "output_paths",
    "probe",
    "read_picture",
    "report_paths",
    "write_picture",
]
