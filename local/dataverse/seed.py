"""What a new environment holds before anybody has written to it: organization, users, teams, currency, roles.

The seed document: ``{"organization": {"name", "maxuploadfilesize", "blockedattachments"}, "users": [{"email", "first",
"last", "disabled", "lacks": [privilege names]}], "teams": ["name", or {"name", "lacks"}],
"applications": [{"client_id", "secret", "name", "certificate", "identity_header", "lacks"}], "tenant_id", "dop_hint"}``;
every part may be absent.
"""

from typing import Any, Final

from local.dataverse.catalog import Catalog, stable_id
from local.dataverse.directory import applications
from local.dataverse.install import refresh_messages
from local.dataverse.rows import insert_system
from local.dataverse.security import (
    APPLICATION_USER_ID,
    BUSINESS_UNIT_ID,
    CURRENCY_ID,
    ORGANIZATION_ID,
    Caller,
    Security,
)
from local.dataverse.session import Session
from local.dataverse.store import Store

#: The default of organization.blockedattachments.
BLOCKED: Final = (
    "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cdx;cer;chm;class;cmd;com;config;cpl;crt;csh;dll;exe;fxp;hlp;hta;htr;htw;ida;"
    "idc;idq;inf;ins;isp;its;jar;js;jse;ksh;lnk;mad;maf;mag;mam;maq;mar;mas;mat;mau;mav;maw;mda;mdb;mde;mdt;mdw;mdz;msc;"
    "msh;msh1;msh1xml;msh2;msh2xml;mshxml;msi;msp;mst;ops;pcd;pif;prf;prg;printer;pst;reg;rem;scf;scr;sct;shb;shs;shtm;"
    "shtml;soap;stm;svg;tmp;url;vb;vbe;vbs;vsmacros;vss;vst;vsw;ws;wsc;wsf;wsh"
)
_MAX_UPLOAD: Final = 5_242_880
_FALLBACK: Final = {"email": "fallback.owner@clinic.example", "first": "Fallback", "last": "Owner"}


def user_id(email: str) -> str:
    return stable_id("systemuser", email.lower())


def team_id(name: str) -> str:
    return stable_id("team", name.lower())


def seed(store: Store, catalog: Catalog, security: Security, document: dict[str, Any]) -> None:
    """Fills a new database file; one that has an organization keeps its rows."""
    users = [_FALLBACK, *document.get("users", [])]
    security.lacking = {user_id(u["email"]): frozenset(u["lacks"]) for u in users if u.get("lacks")}
    teams = [team if isinstance(team, dict) else {"name": team} for team in document.get("teams", [])]
    security.lacking |= {team_id(t["name"]): frozenset(t["lacks"]) for t in teams if t.get("lacks")}
    application = document.get("application", {})
    if application.get("lacks"):
        security.lacking[APPLICATION_USER_ID] = frozenset(application["lacks"])
    registered = applications(document)
    security.lacking.update({each.user: each.lacks for each in registered if each.lacks})
    with store.transaction():
        session = Session(store, catalog, security, Caller(APPLICATION_USER_ID))
        if not store.count("organization"):
            _organization(session, document.get("organization", {}))
            _application_user(session, APPLICATION_USER_ID, "# Carryover", stable_id("application"))
            for each in registered:
                _application_user(session, each.user, each.name, each.client_id)
            for user in users:
                _user(session, user)
            for team in teams:
                _team(session, team["name"])
        refresh_messages(session)
    security.refresh()


def _organization(session: Session, given: dict[str, Any]) -> None:
    insert_system(
        session, "organization", ORGANIZATION_ID,
        {"name": given.get("name", "Carryover Demo"), "languagecode": 1033, "basecurrencyid": CURRENCY_ID,
         "maxuploadfilesize": given.get("maxuploadfilesize", _MAX_UPLOAD),
         "blockedattachments": given.get("blockedattachments", BLOCKED)},
    )  # fmt: skip
    insert_system(
        session, "businessunit", BUSINESS_UNIT_ID,
        {"name": given.get("name", "Carryover Demo"), "isdisabled": 0, "organizationid": ORGANIZATION_ID},
    )  # fmt: skip
    insert_system(
        session, "transactioncurrency", CURRENCY_ID,
        {"currencyname": "US Dollar", "isocurrencycode": "USD", "currencysymbol": "$", "exchangerate": 1.0,
         "currencyprecision": 2, "organizationid": ORGANIZATION_ID},
    )  # fmt: skip
    role = {"name": "System Administrator", "businessunitid": BUSINESS_UNIT_ID, "organizationid": ORGANIZATION_ID}
    insert_system(session, "role", stable_id("role", "System Administrator"), role)


def _application_user(session: Session, identity: str, name: str, client_id: str) -> None:
    domain = "carryover" if identity == APPLICATION_USER_ID else client_id
    insert_system(
        session, "systemuser", identity,
        {"fullname": name, "lastname": name, "domainname": f"{domain}@apps.example", "accessmode": 4, "islicensed": 0,
         "applicationid": client_id, "businessunitid": BUSINESS_UNIT_ID},
    )  # fmt: skip


def _user(session: Session, given: dict[str, Any]) -> None:
    email = given["email"]
    first, last = given.get("first", ""), given.get("last", "")
    insert_system(
        session, "systemuser", given.get("id") or user_id(email),
        {"internalemailaddress": email, "domainname": email, "firstname": first or None, "lastname": last or None,
         "fullname": f"{first} {last}".strip() or email, "isdisabled": int(bool(given.get("disabled"))),
         "azureactivedirectoryobjectid": stable_id("entra", email.lower()), "businessunitid": BUSINESS_UNIT_ID},
    )  # fmt: skip


def _team(session: Session, name: str) -> None:
    values = {"name": name, "teamtype": 0, "isdefault": 0, "businessunitid": BUSINESS_UNIT_ID,
              "administratorid": APPLICATION_USER_ID}  # fmt: skip
    insert_system(session, "team", team_id(name), values)
