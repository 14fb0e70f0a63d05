"""Admin → People: what an admin does to one account. Each page says first what will be.

Contacts no server. An admin may do it to their own account, which the pages say, and loses then what they
take; the last one cannot.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.services import offboarding, people, sessions
from app.services.people import Person
from app.services.person_change import PersonChange, change_person
from app.web import current
from app.web.admin.person_forms import RoleForm, attempt
from app.web.auth import forget_session
from app.web.forms import ConfirmForm, PasswordForm
from app.words import people as words


def disable(user_id: int) -> ResponseReturnValue:
    """Refuse a person from now on, and end their sessions; what they hold stays."""
    return _switch(user_id, PersonChange(is_active=False), "admin/disable_user.html")


def enable(user_id: int) -> ResponseReturnValue:
    """Let a disabled person in again."""
    return _switch(user_id, PersonChange(is_active=True), "admin/enable_user.html")


def role(user_id: int) -> ResponseReturnValue:
    """Give a person another role."""
    person = people.get_person(user_id)
    form = RoleForm(role=person.role)
    wanted = form.role.data
    changed, status = attempt(
        form, lambda: change_person(user_id, PersonChange(role=wanted), current.actor())
    )
    if changed is None:
        page = render_template(
            "admin/user_role.html", form=form, person=person, may=words.ROLES_MAY, is_own=_is_own(person)
        )
        return page, status
    text = _("%(email)s is now: %(role)s.", email=person.email, role=words.ROLES[wanted])
    flash(text if changed else _("Nothing was changed."), "success" if changed else "info")
    # Whoever has stepped down may not see the page any more.
    stays = not _is_own(person) or wanted == "admin"
    return redirect(url_for("admin.user", user_id=user_id) if stays else url_for("settings.tokens"), code=303)


def sign_out(user_id: int) -> ResponseReturnValue:
    """End every session of a person."""
    person = people.get_person(user_id)
    form = ConfirmForm()
    ended, status = attempt(form, lambda: sessions.end_all_sessions(user_id, current.actor()))
    if ended is None:
        details = people.details_of(user_id, current.session_limits())
        page = render_template(
            "admin/sign_out_user.html", form=form, person=person, details=details, is_own=_is_own(person)
        )
        return page, status
    if _is_own(person):
        return _to_sign_in()
    text = ngettext("%(num)s session ended.", "%(num)s sessions ended.", ended)
    flash(text, "success")
    return redirect(url_for("admin.user", user_id=user_id), code=303)


def delete(user_id: int) -> ResponseReturnValue:
    """List what will go, with where each provider keeps its tokens; delete the person; and list it again."""
    person = people.get_person(user_id)
    if _is_own(person):
        # There they are told the same, and come out at the sign-in page.
        return redirect(url_for("settings.delete_account"), code=303)
    form = PasswordForm()
    deleted, status = attempt(form, lambda: offboarding.delete_person(user_id, current.actor()))
    leaving = deleted or offboarding.what_leaves(user_id)
    # Not redirected: the links are needed now, and by then nothing here knows any more which they were.
    page = render_template(
        "admin/delete_user.html", form=form, person=person, leaving=leaving, is_done=deleted is not None
    )
    return page, status


def _switch(user_id: int, change: PersonChange, template: str) -> ResponseReturnValue:
    person = people.get_person(user_id)
    form = PasswordForm()
    changed, status = attempt(form, lambda: change_person(user_id, change, current.actor()))
    if changed is None:
        page = render_template(
            template,
            form=form,
            person=person,
            leaving=offboarding.what_leaves(user_id),
            is_own=_is_own(person),
        )
        return page, status
    if _is_own(person) and not change.is_active:
        return _to_sign_in()
    if change.is_active:
        flash(_("%(email)s is enabled.", email=person.email), "success")
    else:
        flash(_("%(email)s is disabled and signed out everywhere.", email=person.email), "success")
    return redirect(url_for("admin.user", user_id=user_id), code=303)


def _is_own(person: Person) -> bool:
    return person.id == current.user().id


def _to_sign_in() -> ResponseReturnValue:
    """Lead an admin who has just ended their own sessions out."""
    forget_session()
    flash(_("You are signed out."), "success")
    return redirect(url_for("auth.sign_in"), code=303)
