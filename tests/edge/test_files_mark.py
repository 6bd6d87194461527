"""Our mark in an XMP packet, beside whatever else is there."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glaze_edge.files import Mark
from glaze_edge.files.mark import mark_in

MARK = Mark(
    version="0.1.0",
    intensity="medium",
    effort="low",
    style="monet",
    encoders=("a", "b"),
    date=date(2026, 1, 2),
)
PACKET = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- kept -->
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <r:Description r:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:rights>\xc3\x89va</dc:rights></r:Description>
 </r:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def test_the_rest_of_the_packet_stays_byte_for_byte() -> None:
    marked = MARK.add_to(PACKET)
    before, after = PACKET.split(b"</r:RDF>")
    assert marked.startswith(before)
    assert marked.endswith(after)
    assert mark_in(marked) == MARK


def test_a_second_mark_replaces_the_first() -> None:
    second = Mark(**{**vars(MARK), "style": "hokusai"})
    twice = second.add_to(MARK.add_to(PACKET))
    assert mark_in(twice) == second
    assert twice == second.add_to(PACKET)


@pytest.mark.parametrize(
    "packet",
    [
        None,
        b"",
        b"no xml",
        b"\xff\xfe\x00",
        PACKET[:200],
        b'<!DOCTYPE x [<!ENTITY a "b">]>' + PACKET,
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    ],
    ids=["none", "empty", "text", "bytes", "cut", "doctype", "without-rdf"],
)
def test_what_cannot_be_read_is_replaced(packet: bytes | None) -> None:
    assert mark_in(packet) is None
    assert MARK.add_to(packet) == MARK.add_to(None)
    assert mark_in(MARK.add_to(packet)) == MARK


def test_a_mark_that_another_program_rewrote_as_elements() -> None:
    elements = (
        b'<r:Description xmlns:g="urn:glaze-edge:xmp:1"><g:version>0.1.0</g:version><g:style>monet</g:style>'
        b"<g:date>long ago</g:date></r:Description></r:RDF>"
    )
    found = mark_in(PACKET.replace(b"</r:RDF>", elements))
    assert found is not None
    assert (found.version, found.style, found.encoders, found.date) == ("0.1.0", "monet", (), date.min)


def test_no_mark_in_a_packet_of_others() -> None:
    assert mark_in(PACKET) is None


XML_TEXT = st.text(st.characters(exclude_categories=["C", "Z"]))


@given(style=XML_TEXT, encoders=st.lists(XML_TEXT.filter(bool)).map(tuple), day=st.dates())
def test_any_text_comes_back(style: str, encoders: tuple[str, ...], day: date) -> None:
    mark = Mark(version="1", intensity="", effort="<&\"'>", style=style, encoders=encoders, date=day)
    assert mark_in(mark.add_to(mark.add_to(PACKET))) == mark
