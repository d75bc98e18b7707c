"""Conditions that are the sites' own doing: nobody on the way has a part in them."""

from __future__ import annotations

from tests.real_servers.conditions.condition import Condition, Expected, down, likely, works
from tests.real_servers.setting import Setting
from tests.real_servers.world import HOME, Certificate, Conduct, World

BYSTANDER = "signal"
SITE = f"https://{HOME}/"
CHECKED = ("--url", SITE, BYSTANDER)

NOT_ACCUSED = ("works", "down", "unknown", "partial", "slow")


def _home(conduct: Conduct) -> Setting:
    return Setting(conduct={f"site-{HOME}": conduct})


def _x(conduct: Conduct) -> Setting:
    return Setting(conduct={"service-x": conduct})


def _dark(world: World) -> Setting:
    return Setting(dark=tuple(world.hosts[HOME].addresses))


CONDITIONS = (
    Condition(
        "certificate-expired",
        lambda _: _x(Conduct(certificate=Certificate.EXPIRED)),
        ("x", BYSTANDER),
        (down("x", "server_fault"), *works(BYSTANDER)),
    ),
    Condition(
        "certificate-of-another-name",
        lambda _: _home(Conduct(certificate=Certificate.WRONG_NAME)),
        CHECKED,
        (down(SITE, "server_fault"), *works(BYSTANDER)),
    ),
    Condition(
        "certificate-signed-by-itself",
        lambda _: _home(Conduct(certificate=Certificate.SELF_SIGNED)),
        CHECKED,
        (down(SITE, "server_fault"), *works(BYSTANDER)),
    ),
    Condition(
        "server-refuses",
        lambda _: _home(Conduct(listening=False)),
        CHECKED,
        # a service that is switched off looks like a blocked address: never certain
        (likely(SITE, "ip_blocked"), *works(BYSTANDER)),
    ),
    Condition("server-switched-off", _dark, CHECKED, (likely(SITE, "ip_blocked"), *works(BYSTANDER))),
    Condition("page-forbidden", lambda _: _home(Conduct(status=403, title="Forbidden")), CHECKED, works(SITE, BYSTANDER)),
    Condition(
        "page-refused-for-legal-reasons",
        lambda _: _home(Conduct(status=451, title="Unavailable For Legal Reasons")),
        CHECKED,
        (down(SITE, "geo_refused"), *works(BYSTANDER)),
    ),
    Condition(
        "page-error",
        lambda _: _x(Conduct(status=503, title="Service Unavailable")),
        ("x", BYSTANDER),
        (down("x", "server_fault"), *works(BYSTANDER)),
    ),
    Condition("page-asks-for-a-human", lambda _: _home(Conduct(status=503, title="Just a moment...")), CHECKED, works(SITE, BYSTANDER)),
    Condition(
        "redirects-in-a-circle",
        lambda _: _home(Conduct(moves="return 302 https://$host/otra$request_uri;")),
        CHECKED,
        (Expected(SITE, NOT_ACCUSED), *works(BYSTANDER)),
    ),
    Condition(
        "redirects-with-303",
        lambda _: _home(
            Conduct(moves="if ($request_uri = /) { return 303 https://$host/bienvenida; } try_files /page-control-IANA.html =404;")
        ),
        CHECKED,
        works(SITE, BYSTANDER),
    ),
)
