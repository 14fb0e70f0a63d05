"""Admin → People: who has an account, one person's page, and who must have a second factor."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.services import invitations, people, totp
from app.services.emails import MAX_EMAIL_CHARS
from app.services.people import PeopleFilter
from app.services.person_change import PersonChange, change_person
from app.web import current, one_time_links
from app.web.admin.person_forms import attempt
from app.web.forms import PasswordForm, RequireTotpForm
from app.words import people as words


def list_page() -> ResponseReturnValue:
    """Show everyone, by email."""
    wanted = PeopleFilter(
        query=request.args.get("q", "").strip()[:MAX_EMAIL_CHARS],
        state=request.args.get("state", ""),
        role=request.args.get("role", ""),
        after=request.args.get("after", ""),
    )
    return render_template(
        "admin/users.html",
        page=people.list_people(wanted),
        wanted=wanted,
        roles=words.ROLES,
        states=words.STATES,
    )


def person_page(user_id: int) -> ResponseReturnValue:
    """Show one person, and what can be done to their account."""
    person = people.get_person(user_id)
    return render_template(
        "admin/user.html",
        person=person,
        details=people.details_of(user_id, current.session_limits()),
        link_ends=invitations.open_until(user_id),
        roles=words.ROLES,
        states=words.STATES,
        can_mail=one_time_links.can_mail(),
        is_own=user_id == current.user().id,
    )


def require_totp(user_id: int) -> ResponseReturnValue:
    """Require a second factor of a person, or no longer, for one's own password."""
    person = people.get_person(user_id)
    form = RequireTotpForm(required=person.totp_required)
    change = PersonChange(totp_required=bool(form.required.data))
    changed, status = attempt(form, lambda: change_person(user_id, change, current.actor()))
    if changed is None:
        return render_template("admin/require_totp.html", form=form, person=person), status
    flash(_("Saved for %(email)s.", email=person.email), "success")
    return redirect(url_for("admin.user", user_id=user_id), code=303)


def reset_totp(user_id: int) -> ResponseReturnValue:
    """Turn another person's second factor off, for one's own password."""
    person = people.get_person(user_id)
    form = PasswordForm()

    def reset() -> bool:
        totp.reset(user_id, current.actor())
        return True

    done, status = attempt(form, reset)
    if done is None:
        return render_template("admin/reset_totp.html", form=form, person=person), status
    flash(_("The second factor of %(email)s is off.", email=person.email), "success")
    return redirect(url_for("admin.user", user_id=user_id), code=303)
