"""Admin users: people by JSON, for admins alone. No answer has a token, a part of one, or a hint."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue

from app.services import invitations, offboarding, people, sessions, totp
from app.services.offboarding import HeldToken, Leaving
from app.services.one_time_links import OneTimeLink
from app.services.people import PeopleFilter
from app.services.person_change import PersonChange
from app.services.person_change import change_person as change
from app.services.sign_in import confirm_password
from app.web import auth, current, one_time_links
from app.web.access import admins_only
from app.web.api.admin_user_schemas import (
    Confirmation,
    Deleted,
    EndedSessions,
    Invited,
    NewInvitation,
    PeoplePage,
    PeopleQuery,
    PersonInFull,
    PersonPatch,
)
from app.web.api.blueprint import Blueprint, no_content
from app.web.display import web_link

admin_users = Blueprint("api_admin_users", __name__, path="/admin/users", description="People, for admins")
admin_users.before_request(admins_only)


@admin_users.get("")
@admin_users.arguments(PeopleQuery, location="query")
@admin_users.response(200, PeoplePage)
@admin_users.problems(404)
def list_people(query: dict[str, Any]) -> dict[str, Any]:
    """List everyone with an account, by email."""
    wanted = PeopleFilter(query["q"], query["state"], query["role"], query["after"], query["limit"])
    page = people.list_people(wanted)
    return {"items": page.rows, "next": page.next}


@admin_users.post("")
@admin_users.arguments(NewInvitation)
@admin_users.response(201, Invited, description="Invited")
@admin_users.alt_response(200, schema=Invited, description="Invited again", success=True)
@admin_users.problems(404)
def invite_person(body: dict[str, Any]) -> ResponseReturnValue:
    """Invite a person: make an account, and a one-time link by which they set its password.

    Who was invited before and has not accepted gets a new link in place of the old.
    """
    _confirm(body)
    with one_time_links.place_to_wait():
        link, is_new = invitations.invite(body["email"], body["role"], current.actor())
        return _invited(link), 201 if is_new else 200


@admin_users.get("/<int:user_id>")
@admin_users.response(200, PersonInFull)
@admin_users.problems(404)
def show_person(user_id: int) -> dict[str, Any]:
    """Say what is known of a person."""
    return _in_full(user_id)


@admin_users.patch("/<int:user_id>")
@admin_users.arguments(PersonPatch)
@admin_users.response(200, PersonInFull)
@admin_users.problems(404, 409)
def change_person(body: dict[str, Any], user_id: int) -> dict[str, Any]:
    """Disable or enable a person, give them another role, or require a second factor of them.

    409 last_admin when nobody else would administer the installation, and own_second_factor for who would
    lift what is required of themselves; then nothing has changed.
    """
    _confirm(body)
    wanted = PersonChange(body.get("is_active"), body.get("role"), body.get("totp_required"))
    change(user_id, wanted, current.actor())
    return _in_full(user_id)


@admin_users.delete("/<int:user_id>")
@admin_users.arguments(Confirmation)
@admin_users.response(200, Deleted)
@admin_users.problems(404, 409)
def delete_person(body: dict[str, Any], user_id: int) -> dict[str, Any]:
    """Delete a person with everything that is theirs; say where else their tokens live on.

    Contacts no server. The audit log stays. 409 last_admin as for a change.
    """
    _confirm(body)
    is_own = user_id == current.user().id
    leaving = offboarding.delete_person(user_id, current.actor())
    if is_own:
        auth.forget_session()
    return _leaving(leaving)


@admin_users.get("/<int:user_id>/offboarding")
@admin_users.response(200, Deleted)
@admin_users.problems(404)
def show_offboarding(user_id: int) -> dict[str, Any]:
    """Say what would go with a person, and where else their tokens would live on. Changes nothing."""
    people.get_person(user_id)
    return _leaving(offboarding.what_leaves(user_id))


@admin_users.delete("/<int:user_id>/totp")
@admin_users.arguments(Confirmation)
@admin_users.response(204)
@admin_users.problems(404)
def reset_totp(body: dict[str, Any], user_id: int) -> Response:
    """Turn off the second factor of a person who has lost both their app and their recovery codes.

    404 for who has none, too.
    """
    _confirm(body)
    totp.reset(user_id, current.actor())
    return no_content()


@admin_users.delete("/<int:user_id>/sessions")
@admin_users.response(200, EndedSessions)
@admin_users.problems(404)
def sign_person_out(user_id: int) -> dict[str, Any]:
    """End every session of a person."""
    return {"sessions": sessions.end_all_sessions(user_id, current.actor())}


@admin_users.post("/<int:user_id>/invitation")
@admin_users.arguments(Confirmation)
@admin_users.response(200, Invited)
@admin_users.problems(404, 409)
def renew_invitation(body: dict[str, Any], user_id: int) -> dict[str, Any]:
    """Make a new link for who was invited; the old one opens nothing any more.

    409 wrong_state for who has accepted, or is disabled.
    """
    _confirm(body)
    with one_time_links.place_to_wait():
        return _invited(invitations.renew_invitation(user_id, current.actor()))


def _confirm(body: dict[str, Any]) -> None:
    confirm_password(current.user(), body["password"], current.visitor())


def _invited(link: OneTimeLink) -> dict[str, Any]:
    mailed = one_time_links.mail_invitation(link)
    facts = {"id": link.user_id, "email": link.email, "expires_at": link.expires_at, "mail": mailed}
    return facts | {"invitation_url": one_time_links.address_of(link)}


def _in_full(user_id: int) -> dict[str, Any]:
    details = people.details_of(user_id, current.session_limits())
    return vars(people.get_person(user_id)) | {
        "sessions": details.sessions,
        "groups": [group.name for group in details.groups],
        "token_states": details.tokens,
        "link_expires_at": invitations.open_until(user_id),
    }


def _leaving(leaving: Leaving) -> dict[str, Any]:
    providers = [_provider(one) for one in leaving.tokens]
    return {"providers": providers, "sessions": leaving.sessions, "groups": leaving.groups}


def _provider(one: HeldToken) -> dict[str, Any]:
    return {
        "server_id": one.server_id,
        "server": one.server,
        "host": one.host,
        "status": one.status,
        "revoke_url": web_link(one.token_help_url) or None,
    }
