"""The board's public face: HTTPS for mixers, trustees and auditors, who need no anonymity and move long files."""
