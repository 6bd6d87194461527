"""Our mark: an XMP entry that says a picture is glazed, and how.

The entry is put into an XMP packet as text, so that whatever else the packet holds stays byte for byte.
"""

import re
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

NAMESPACE = "urn:glaze-edge:xmp:1"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_EMPTY_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">\n</rdf:RDF></x:xmpmeta>\n'
    '<?xpacket end="w"?>'
)
_END_OF_RDF = re.compile(r"</(?:[\w.-]+:)?RDF\s*>(?!.*</(?:[\w.-]+:)?RDF\s*>)", re.DOTALL)
_OUR_ENTRY = re.compile(rf'<rdf:Description [^<>]*xmlns:glaze="{NAMESPACE}"[^<>]*/>\n?')


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a picture was glazed. Texts are free; of time only the day: a day's runs give the same bytes."""

    version: str
    intensity: str
    effort: str
    style: str
    encoders: tuple[str, ...]
    date: date

    def add_to(self, packet: bytes | None) -> bytes:
        """The XMP packet with this mark in place of an earlier one.

        A packet that is no well-formed XMP in UTF-8, or declares a document type, is replaced by a new one.
        """
        text = _text(packet)
        if text is None or not _END_OF_RDF.search(text):
            text = _EMPTY_PACKET
        text = _OUR_ENTRY.sub("", text)
        return _END_OF_RDF.sub(lambda end: self._entry() + end.group(), text).encode()

    def _entry(self) -> str:
        fields = {
            "version": self.version,
            "intensity": self.intensity,
            "effort": self.effort,
            "style": self.style,
            "encoders": " ".join(self.encoders),
            "date": self.date.isoformat(),
        }
        properties = " ".join(f"glaze:{name}={quoteattr(value)}" for name, value in fields.items())
        return f'<rdf:Description xmlns:rdf="{RDF}" rdf:about="" xmlns:glaze="{NAMESPACE}" {properties}/>\n'


def mark_in(packet: bytes | None) -> Mark | None:
    """The mark in an XMP packet, also where another program has rewritten the packet; or None."""
    text = _text(packet)
    if text is None:
        return None
    prefix = f"{{{NAMESPACE}}}"
    found: dict[str, str] = {}
    for element in ElementTree.fromstring(text).iter():
        found |= {key: value for key, value in element.attrib.items() if key.startswith(prefix)}
        if element.tag.startswith(prefix):
            found[element.tag] = element.text or ""
    if not found:
        return None
    field = {key.removeprefix(prefix): value for key, value in found.items()}
    return Mark(
        version=field.get("version", ""),
        intensity=field.get("intensity", ""),
        effort=field.get("effort", ""),
        style=field.get("style", ""),
        encoders=tuple(field.get("encoders", "").split()),
        date=_day(field.get("date", "")),
    )


def _text(packet: bytes | None) -> str | None:
    """The packet as text that is safe to parse: without a document type there are no entities to expand."""
    if not packet:
        return None
    try:
        text = packet.decode().strip("\0 \r\n\t\ufeff")
        if "<!DOCTYPE" in text:
            return None
        ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError, ValueError):
        return None
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return date.min
