"""What the figures are called and what they mean, in words for artists; for the terminal and for the report."""

from collections.abc import Iterator

from glaze_edge.audit import Findings, Reading
from glaze_edge.audit.person import Person

WORST_SHOWN = 6
"""Rows of the terminal's table."""

CONTROL = "the same change with its blocks shuffled and signs flipped: noise that is as strong and as visible"
MEASURES = {
    "attainment": "the way to the style target that an encoder's latent has moved: 0 is the original, 1 the target",
    "view": "the same of the style of the decoded latent, which is what a generator learns from",
    "drift": "how far the style of the decoded latent moved, in units of the target's distance",
    "drift alone": "how far the style of the decoded latent moved; 1 is a typical distance between two artists' works",
}
LIMITS = (
    "The figures say how far these encoders are misled, on this file as it was read. They are no measure of "
    "safety: no figure here "
    "says whether a model tuned on the picture will fail to copy the style.",
    "An encoder that the glaze was made against flatters it. What another encoder sees is usually less.",
    "An attacker may combine attacks, tune them to this tool, use a diffusion model (DiffPure, noisy "
    "upscaling), train a remover on "
    "pairs (LightShed), or tune the encoder itself. None of that is in the table. A small remover that we "
    "trained on this tool for "
    "minutes told glazed pictures from clean ones (area under the curve 0.96; it took noise for glaze as "
    "well) and left 63 % of the "
    "attainment.",
    "A high figure after a strong attack means little where the attack has ruined the picture, and a mimic "
    "does not mind some damage: "
    "look at PSNR beside it.",
)


def person_rows(person: Person) -> Iterator[tuple[str, str, str]]:
    """(name, value, what it means) of what a person sees."""
    seen = person.visibility
    yield "Largest change", f"{seen['largest_change']:.0f}/255", "of one colour channel of one pixel"
    yield "Mean change", f"{seen['mean_change']:.2f}/255", "of all channels of all pixels"
    yield "In flat parts", _rms(seen["rms_flat"]), "root mean square; changes show most here"
    yield "In textured parts", _rms(seen["rms_textured"]), "root mean square; texture hides changes"
    above = f"{100 * seen['share_above']:.1f} %"
    yield (
        "Above the visibility map",
        above,
        f"of the picture; the most visible place is at {seen['peak']:.1f} times the threshold",
    )
    spread = f"{person.delta_e_mean:.2f}, {person.delta_e_p95:.2f}, {person.delta_e_max:.2f}"
    yield (
        "ΔE2000",
        spread,
        "mean, 95th percentile and largest colour difference; about 1 is just seen side by side",
    )
    psnr = "no change" if person.psnr is None else f"{person.psnr:.1f} dB"
    yield "PSNR", psnr, "the higher, the smaller the change"
    yield "SSIM", f"{person.ssim:.4f}", "1 is no change"
    for name, value in person.perceptual.items():
        label, meaning = _PERCEPTUAL[name]
        yield label, f"{value:.2f}", meaning


_PERCEPTUAL = {
    "ssimulacra2": ("SSIMULACRA 2", "100 is no change, above 90 is hardly seen, below 50 is plain to see"),
    "butteraugli": ("butteraugli", "0 is no change; below 1 it is not seen side by side"),
    "ssimulacra": ("SSIMULACRA", "the first version: 0 is no change"),
}


def signed(value: float, digits: int = 2) -> str:
    """With a real minus sign, and none on zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")


def made(findings: Findings) -> str:
    """How the picture was glazed, as far as it says."""
    mark = findings.mark
    if mark is None:
        return "The glazed picture carries no mark, so how it was made is not known."
    return (
        f"Glazed by glaze-edge {mark.version}: intensity {mark.intensity}, effort {mark.effort}, style {mark.style}, "
        f"against {', '.join(mark.encoders)}."
    )


def best_attack(findings: Findings) -> str:
    """What the best of the attacks leaves, a sentence."""
    left = [
        f"{name} {signed(worst.left[name])} of {signed(before)} ({worst.does})"
        for name, before in findings.untouched.left.items()
        for worst in (findings.worst(name),)
    ]
    return f"The best of {len(findings.survival)} attacks leaves {'; '.join(left)}."


def untested(findings: Findings) -> str:
    """The generators that little or nothing was measured of, in sentences."""
    said = []
    if findings.stood_in_for:
        said.append(f"Seen only through a small stand-in: {', '.join(findings.stood_in_for)}.")
    if findings.untested:
        said.append(f"Not tested, so nothing is known of them: {', '.join(findings.untested)}.")
    mark = findings.mark
    gone = [] if mark is None else [name for name in mark.encoders if name not in findings.untouched.left]
    if gone:
        said.append(f"Made against {', '.join(gone)} too, which was not looked through.")
    return " ".join(said) or "Every generator that glaze-edge knows was looked through."


def notes(reading: Reading) -> Iterator[str]:
    """What to know of the figures of one encoder, sentences."""
    if reading.glazed_against:
        yield f"The picture was glazed against {reading.encoder}, which flatters the figures."
    if reading.caveat:
        yield f"{reading.encoder}: {reading.caveat}"
    if reading.decoder:
        yield f"Latents are decoded by {reading.decoder}. {reading.decoder_caveat}".rstrip()


def lines(findings: Findings) -> Iterator[str]:
    """The summary for the terminal."""
    yield made(findings)
    yield from ("", "What a person sees")
    for name, value, _ in person_rows(findings.person):
        yield f"  {name:25} {value}"
    yield from ("", "What an AI sees (control: noise that is as strong)")
    for reading in findings.encoders:
        said = [
            f"{name} {signed(value)} (control {signed(control)})"
            for name in ("attainment", "view", "drift")
            if (value := getattr(reading.effect, name)) is not None
            and (control := getattr(reading.control, name)) is not None
        ]
        yield f"  {reading.encoder:25} {', '.join(said)}"
    said_once = dict.fromkeys(note for reading in findings.encoders for note in notes(reading))
    yield from (f"  {note}" for note in said_once)
    yield from ("", f"What survives: {findings.measure} after an attack, the worst first")
    names = list(findings.untouched.left)
    width = max(len(row.does) for row in findings.survival)
    column = max(9, *map(len, names)) + 2
    yield f"  {'':{width}}  {''.join(f'{name:>{column}}' for name in names)}"
    for row in findings.survival[:WORST_SHOWN]:
        yield f"  {row.does:{width}}  {''.join(f'{signed(row.left[name]):>{column}}' for name in names)}"
    if len(findings.survival) > WORST_SHOWN:
        yield f"  and {len(findings.survival) - WORST_SHOWN} more, in the report (-o) and in --json"
    yield from ("", best_attack(findings), untested(findings), LIMITS[0])


def _rms(value: float | None) -> str:
    return "there are none" if value is None else f"{value:.2f}/255"
