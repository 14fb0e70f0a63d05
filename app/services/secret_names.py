"""Secret names: whether what stands before `=` or `:` is the name of a token."""

from __future__ import annotations

import re
from typing import Final

#: What a name may be, of an environment variable, a header, a setting; no longer than any is.
NAME: Final = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
WORDS: Final = frozenset({"token", "key", "secret", "password", "pat", "authorization"})
#: Without a joint before it: `GITHUBTOKEN`, `apiKey`, `apikey`. Not any "key" and "pat": `monkey`, `compat`.
UPPER_ENDS: Final = ("TOKEN", "KEY", "SECRET", "PASSWORD")
HUMP_ENDS: Final = ("Token", "Key", "Secret", "Password", "Pat")
LOWER_ENDS: Final = (
    *("token", "secret", "password"),
    *("apikey", "accesskey", "authkey", "secretkey", "privatekey", "clientkey", "appkey", "licensekey"),
)
JOINT: Final = re.compile(r"[_.-]+")


def names_a_secret(name: str) -> bool:
    """Whether the name ends in token, key, secret, password or PAT, as a word, in any case or camelCase."""
    word = JOINT.split(name)[-1]
    return (
        word.lower() in WORDS
        or (word.isupper() and word.endswith(UPPER_ENDS))
        or word.endswith(HUMP_ENDS)
        or word.lower().endswith(LOWER_ENDS)
    )


def ends_like_a_name(name: str) -> bool:
    """Whether nothing but a name looks so, although it might be the end of base64: `GITHUB_TOKEN` (`=`)."""
    _, joint, word = name.rpartition("_")
    is_word = word.lower() in WORDS and word in {word.lower(), word.upper(), word.title()}
    return bool(joint) and is_word
