"""Admin → People: who has an account and a second factor, and who must have one."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import InvalidInputError
from app.services import people, totp
from app.services.emails import MAX_EMAIL_CHARS
from app.services.people import Person
from app.services.sign_in import confirm_password
from app.web import current
from app.web.forms import PasswordForm, RequireTotpForm


def list_page() -> ResponseReturnValue:
    """Show everyone, by e-mail."""
    query, after = request.args.get("q", "").strip()[:MAX_EMAIL_CHARS], request.args.get("after", "")
    return render_template("admin/users.html", page=people.list_people(query, after), query=query)


def require_totp(user_id: int) -> ResponseReturnValue:
    """Require a second factor of a person, or no longer, for one's own password."""
    person = people.get_person(user_id)
    form = RequireTotpForm(required=person.totp_required)
    if form.validate_on_submit():
        try:
            confirm_password(current.user(), form.password.data or "", current.visitor())
            totp.set_required(user_id, bool(form.required.data), current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_("Saved for %(email)s.", email=person.email), "success")
            return redirect(url_for("admin.users"), code=303)
    return _shown(form, person, "admin/require_totp.html")


def reset_totp(user_id: int) -> ResponseReturnValue:
    """Turn another person's second factor off, for one's own password."""
    person = people.get_person(user_id)
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            confirm_password(current.user(), form.password.data or "", current.visitor())
            totp.reset(user_id, current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_("The second factor of %(email)s is off.", email=person.email), "success")
            return redirect(url_for("admin.users"), code=303)
    return _shown(form, person, "admin/reset_totp.html")


def _shown(form: PasswordForm, person: Person, template: str) -> ResponseReturnValue:
    return render_template(template, form=form, row=person), 422 if form.is_submitted() else 200
