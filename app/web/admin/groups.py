"""Admin → Groups: who belongs together, and which servers are there for them."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from app.errors import ChangedMeanwhileError, InvalidInputError, TokensWouldBeUnavailableError
from app.services import accounts, group_list, groups
from app.services.emails import MAX_EMAIL_CHARS
from app.services.group_delete import delete_group
from app.services.server_groups import losses_of_group
from app.services.server_places import MAX_QUERY_CHARS
from app.web import current
from app.web.admin.group_forms import DeleteGroupForm, GroupForm, MemberForm

#: Servers that the page on deleting a group names one by one.
MOST_LOSSES = 50


def list_page() -> ResponseReturnValue:
    """Show every group, by name, and create one."""
    query, after = request.args.get("q", "").strip()[:MAX_QUERY_CHARS], request.args.get("after", "")
    form = GroupForm()
    if form.validate_on_submit():
        try:
            group = groups.create_group(form.name.data or "", current.actor())
        except InvalidInputError as error:
            form.show(error)
        else:
            flash(_("Group %(name)s created. Now put people into it.", name=group.name), "success")
            return redirect(url_for("admin.group", group_id=group.id), code=303)
    page = group_list.list_groups(query, after)
    return render_template("admin/groups.html", page=page, query=query, form=form), _status(form)


def group_page(group_id: int) -> ResponseReturnValue:
    """Show one group with its people and servers, and rename it."""
    row = group_list.get_group(group_id)
    form = GroupForm(name=row.name, seen=row.name)
    if form.validate_on_submit():
        try:
            renamed = groups.rename_group(
                group_id, form.name.data or "", current.actor(), seen=form.seen.data or None
            )
        except InvalidInputError as error:
            form.show(error)
        except ChangedMeanwhileError:
            saved = form.seen.data = group_list.get_group(group_id).name
            form.say("name", _("Somebody else renamed it meanwhile: %(name)s. Save again.", name=saved))
        else:
            flash(_("Renamed.") if renamed else _("Nothing was changed."), "success" if renamed else "info")
            return redirect(url_for("admin.group", group_id=group_id), code=303)
    return _shown(group_id, form, MemberForm())


def add_member(group_id: int) -> ResponseReturnValue:
    """Put a person into the group, by their email address."""
    row = group_list.get_group(group_id)
    form = MemberForm()
    if form.validate_on_submit():
        person = accounts.find_user(form.email.data or "")
        if person is None:
            form.show(InvalidInputError("email", "no_account"))
        else:
            added = groups.add_member(group_id, person.id, current.actor())
            text = _("%(email)s is in the group now.") if added else _("%(email)s was in the group already.")
            flash(text % {"email": person.email}, "success" if added else "info")
            return redirect(url_for("admin.group", group_id=group_id), code=303)
    name_form = GroupForm()
    name_form.name.data = name_form.seen.data = row.name
    return _shown(group_id, name_form, form)


def remove_member(group_id: int, user_id: int) -> ResponseReturnValue:
    """Take a person out of the group. Their tokens stay."""
    if groups.remove_member(group_id, user_id, current.actor()):
        flash(
            _(
                "Removed from the group. Tokens for servers that they lose by that stay, and can only be "
                "deleted."
            ),
            "success",
        )
    else:
        flash(_("They were not in the group any more."), "info")
    return redirect(url_for("admin.group", group_id=group_id), code=303)


def delete_page(group_id: int) -> ResponseReturnValue:
    """Say what becomes unavailable to how many people, then delete the group."""
    row = group_list.get_group(group_id)
    form = DeleteGroupForm()
    if form.validate_on_submit() and (people := _delete(group_id, form)) is not None:
        text = ngettext(
            "Group %(name)s deleted; %(num)s person was in it.",
            "Group %(name)s deleted; %(num)s people were in it.",
            people,
            name=row.name,
        )
        flash(text, "success")
        return redirect(url_for("admin.groups"), code=303)
    losses = losses_of_group(group_id)
    form.unavailable_tokens.data = str(sum(loss.tokens for loss in losses))
    page = render_template(
        "admin/delete_group.html", row=row, form=form, losses=losses[:MOST_LOSSES], all_losses=len(losses)
    )
    return page, _status(form)


def _delete(group_id: int, form: DeleteGroupForm) -> int | None:
    """Delete the group and return how many people it had; None when the form says why it was not."""
    try:
        return delete_group(group_id, current.actor(), unavailable_tokens=form.consent())
    except TokensWouldBeUnavailableError:
        form.say("", _("The number of tokens changed meanwhile, so nothing was deleted. Look again."))
        return None


def _shown(group_id: int, form: GroupForm, member_form: MemberForm) -> ResponseReturnValue:
    query = request.args.get("q", "").strip()[:MAX_EMAIL_CHARS]
    page = render_template(
        "admin/group.html",
        row=group_list.get_group(group_id),
        form=form,
        member_form=member_form,
        members=group_list.list_members(group_id, query, request.args.get("after", "")),
        servers=group_list.list_group_servers(group_id, request.args.get("servers", "")),
        query=query,
    )
    return page, 422 if form.is_submitted() else 200


def _status(form: GroupForm | DeleteGroupForm) -> int:
    return 422 if form.is_submitted() else 200
