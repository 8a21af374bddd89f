"""A fingerprint for stages whose models and engines are scripts; real ones are in tests/witness."""

from lorr_bench.generate.fingerprint import FINGERPRINT_FILE, Fingerprint

SCRIPTED = Fingerprint("float32", ((1, 2),), ((1, 2, 3),), ((-1.0, -2.0),))


def start_folder(parent):
    """The folder of a finished fingerprint stage."""
    folder = parent / "fingerprint of the start"
    folder.mkdir(exist_ok=True)
    put_fingerprint(folder)
    return folder


def put_fingerprint(folder):
    (folder / FINGERPRINT_FILE).write_text(SCRIPTED.to_text(), "utf-8")
