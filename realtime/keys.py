"""What the keys of the window do."""

from collections.abc import Collection

from realtime.controls import Action

ESCAPE = 27
_BOUND = {  # keys as the help names them: (their codes, action, what it does)
    "space, p": (" p", Action.PAUSE, "pause"),
    "r": ("r", Action.RECORD, "record, to a new session"),
    "m": ("m", Action.MARK, "mark this moment in the recording"),
    "s": ("s", Action.SNAPSHOT, "snapshot"),
    "d": ("d", Action.STYLE, "draw in the next style"),
    "t": ("t", Action.TRAILS, "trails"),
    "u": ("u", Action.RAW, "unsmoothed keypoints"),
    "f": ("f", Action.MIRROR, "flip, as in a mirror"),
    "n": ("n", Action.REFERENCE, "next picture to re-pose"),
    "c": ("c", Action.CALIBRATE, "take this pose as neutral"),
    "h": ("h", Action.HELP, "these keys"),
    "q, Esc": ("q" + chr(ESCAPE), Action.QUIT, "quit"),
}
KEYS = {  # code: action
    ord(code): action
    for codes, action, _ in _BOUND.values()
    for code in {*codes.lower(), *codes.upper()}
}


def described(actions: Collection[Action]) -> dict[str, str]:
    """Key -> what it does, of those that have an effect."""
    return {key: text for key, (_, action, text) in _BOUND.items() if action in actions}
