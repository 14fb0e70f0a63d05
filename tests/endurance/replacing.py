"""Replace one token again and again, until killed: arguments are e-mail, server id, number of the first.

Prints the number of each token once its save was acknowledged. Every other one is checked first.
"""

from __future__ import annotations

import sys

from app import create_app
from app.models import User
from app.services import accounts
from app.services.actors import Actor
from app.services.tokens import NewToken, save_checked_token, save_token
from app.services.uses import Door
from tests.endurance.many_tokens import token_text


def main(email: str, server_id: int, first: int) -> None:
    """Replace until killed."""
    app = create_app()
    with app.app_context():
        app.extensions["audit_key"].prepare()
        user = accounts.find_user(email)
        assert isinstance(user, User)
        extensions = app.extensions
        actor = Actor.of_cli().signed_in_as(user)
        door = Door(extensions["keys"], extensions["egress"], actor, extensions["call_slots"])
        number = first
        while True:
            new = NewToken(token_text(number))
            if number % 2:
                save_checked_token(user, server_id, new, door=door)
            else:
                save_token(user, server_id, new, keys=door.keys, actor=actor)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            number += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
