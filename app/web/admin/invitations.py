"""Admin → People: inviting, and one-time links.

What gives somebody a way in asks for the admin's own password: a browser that was left open gives none.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.services import invitations, people
from app.services.one_time_links import OneTimeLink, open_password_reset
from app.web import current, one_time_links
from app.web.admin.person_forms import InviteForm, attempt
from app.web.forms import PasswordForm
from app.web.one_time_links import SENT
from app.words import people as words


def invite() -> ResponseReturnValue:
    """Invite a person, and show the link; who was invited before is given a new one."""
    form = InviteForm()

    def make() -> tuple[OneTimeLink, bool, str]:
        with one_time_links.place_to_wait():
            link, is_new = invitations.invite(form.email.data or "", form.role.data or None, current.actor())
            return link, is_new, one_time_links.mail_invitation(link)

    done, status = attempt(form, make)
    if done is None:
        may = {"": words.AS_BEFORE_MEANS} | words.ROLES_MAY
        return render_template("admin/invite.html", form=form, may=may), status
    return _link_page(*done)


def renew(user_id: int) -> ResponseReturnValue:
    """Make a new link for who was invited, and show it."""
    person = people.get_person(user_id)
    form = PasswordForm()

    def make() -> tuple[OneTimeLink, bool, str]:
        with one_time_links.place_to_wait():
            link = invitations.renew_invitation(user_id, current.actor())
            return link, False, one_time_links.mail_invitation(link)

    done, status = attempt(form, make)
    if done is None:
        return render_template("admin/invite_again.html", form=form, person=person), status
    return _link_page(*done)


def password_link(user_id: int) -> ResponseReturnValue:
    """Mail a person a link to a new password.

    It is never shown: with it, an admin could sign in as the person, and use their tokens.
    """
    person = people.get_person(user_id)
    form = PasswordForm()
    can_mail = one_time_links.can_mail()
    done = None
    status = 200

    def make() -> tuple[OneTimeLink, str]:
        with one_time_links.place_to_wait():
            link = open_password_reset(user_id, current.actor())
            return link, one_time_links.mail_password_link(link)

    if can_mail:
        done, status = attempt(form, make)
    if done is None:
        page = render_template("admin/password_link.html", form=form, person=person, can_mail=can_mail)
        return page, status
    link, mailed = done
    if mailed == SENT:
        flash(_("The link is on its way to %(email)s.", email=link.email), "success")
    else:
        flash(_("The mail could not be sent, so nobody has the link. Look at the mail server."), "error")
    return redirect(url_for("admin.user", user_id=user_id), code=303)


def _link_page(link: OneTimeLink, is_new: bool, mailed: str) -> ResponseReturnValue:
    """Show an invitation's link, this once. Not redirected: no address and no cookie may hold it."""
    address = one_time_links.address_of(link)
    return render_template("admin/invited.html", link=link, address=address, is_new=is_new, mailed=mailed)
