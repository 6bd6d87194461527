"""What helps against an error, in commands and options."""

from glaze_models.errors import Remedy

COMMANDS = {
    "add-weights": "Run: glaze-edge models add{subject} --from FILE",
    "name-encoder": "Run: glaze-edge models add NAME --from{subject}",
    "remove": "Run: glaze-edge models remove{subject}",
    "use-device": "Run it with: --device{subject}",
}


def command(remedy: Remedy) -> str:
    """What to type."""
    subject = f'"{remedy.subject}"' if " " in remedy.subject else remedy.subject
    return COMMANDS[remedy.kind].format(subject=f" {subject}" if subject else "")
