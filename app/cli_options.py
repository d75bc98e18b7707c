"""The options that commands share, with what the help says of each."""

from __future__ import annotations

import argparse

from app.texts import t


def matrix_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of ``scenarios``."""
    group.add_argument("names", metavar="SCENARIO", nargs="*", help=t("cli.help.matrix_names"))
    group.add_argument("--matrix", action="store_true", help=t("cli.help.matrix"))
    group.add_argument("--innocent", action="store_true", help=t("cli.help.innocent"))
    for option in ("runs", "seed", "jobs"):
        group.add_argument(f"--{option}", metavar="N", help=t(f"cli.help.{option}"))
    group.add_argument("--json", metavar="FILE", help=t("cli.help.matrix_json"))


def run_options(group: argparse._ArgumentGroup, command: str) -> None:
    """Add the options of every command that measures."""
    if command == "proxy":
        group.add_argument("link", metavar="LINK", nargs="?", help=t("cli.help.link"))
    if command == "vpn":
        group.add_argument("profile", metavar="PROFILE", nargs="?", help=t("cli.help.profile"))
        group.add_argument("--greet-only", action="store_true", help=t("cli.help.greet_only"))
        group.add_argument("--login", action="store_true", help=t("cli.help.login"))
        group.add_argument("--login-file", metavar="FILE", help=t("cli.help.login_file"))
        group.add_argument("--proxy", metavar="LINK", action="append", default=[], help=t("cli.help.vpn_proxy"))
        group.add_argument("--kill-switch", action="store_true", help=t("cli.help.kill_switch"))
        group.add_argument("--learn", action="store_true", help=t("cli.help.learn"))
        group.add_argument("--watch", metavar="SECONDS", help=t("cli.help.watch"))
    if command in ("check", "vpn"):
        group.add_argument("--not-in-use", action="store_true", help=t("cli.help.not_in_use"))
        group.add_argument("--outside", action="store_true", help=t("cli.help.outside"))
    group.add_argument("targets", metavar="TARGET", nargs="*", help=t("cli.help.target"))
    group.add_argument("--url", metavar="URL", action="append", default=[], help=t("cli.help.url"))
    group.add_argument("--simulate", metavar="SCENARIO", help=t("cli.help.simulate"))
    group.add_argument("--json", metavar="FILE", help=t("cli.help.json"))
    group.add_argument("--html", metavar="FILE", help=t("cli.help.check_html"))
    group.add_argument("--timeout", metavar="SECONDS", help=t("cli.help.timeout"))
    group.add_argument("--quiet", action="store_true", help=t("cli.help.quiet"))


def check_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of ``check`` alone."""
    group.add_argument("--list", metavar="FILE", help=t("cli.help.list"))
    group.add_argument("--proxy", metavar="LINK", action="append", default=[], help=t("cli.help.proxy_option"))
    group.add_argument("--vpn", metavar="PROFILE", action="append", default=[], help=t("cli.help.vpn_option"))
    group.add_argument("--no-direct", action="store_true", help=t("cli.help.no_direct"))
    group.add_argument("--light", action="store_true", help=t("cli.help.light"))
    group.add_argument("--ways-out", action="store_true", help=t("cli.help.ways_out"))


def sharing_options(group: argparse._ArgumentGroup) -> None:
    """Add what decides how much of the person stays in a file."""
    group.add_argument("--round-time", action="store_true", help=t("cli.help.round_time"))
    group.add_argument("--exact-time", action="store_true", help=t("cli.help.exact_time"))
    group.add_argument("--hide-sites", action="store_true", help=t("cli.help.hide_sites"))
    group.add_argument("--full", action="store_true", help=t("cli.help.full"))
    group.add_argument("--with-my-addresses", action="store_true", help=t("cli.help.with_my_addresses"))
