"""Admin → People: who has an account and a second factor; turning that off for whoever lost it."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.errors import InvalidInputError
from app.services import people, totp
from app.services.sign_in import confirm_password
from app.web import current
from app.web.forms import PasswordForm


def list_page() -> ResponseReturnValue:
    """Show everyone, by e-mail."""
    query, after = request.args.get("q", "").strip(), request.args.get("after", "")
    return render_template("admin/users.html", page=people.list_people(query, after), query=query)


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
    page = render_template("admin/reset_totp.html", form=form, person=person)
    return page, 422 if form.is_submitted() else 200
