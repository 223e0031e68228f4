"""The list of generated files beside them, as sha256sum writes and checks it."""

MANIFEST = "generated.sha256"
