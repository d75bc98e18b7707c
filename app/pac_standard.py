"""The functions that every proxy script may call, in the script's own language.

Sources: Netscape's "Navigator Proxy Auto-Config File Format" (1996) for the names and meanings; where it leaves something open, what
browsers do: ranges of hours and days include both ends and may run over midnight or the end of the year, names are compared without
regard to capitals.
"""

from __future__ import annotations

from typing import Final

STANDARD: Final = r"""
(function (everything, host) {
  "use strict";
  var DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  var MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
  function lower(x) { return String(x).toLowerCase(); }
  function number(address) {
    var parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(String(address));
    if (!parts) { return null; }
    var value = 0;
    for (var i = 1; i <= 4; i++) {
      if (Number(parts[i]) > 255) { return null; }
      value = value * 256 + Number(parts[i]);
    }
    return value;
  }
  function now(utc) {
    var date = host.now() < 0 ? new Date() : new Date(host.now());
    return {
      weekday: utc ? date.getUTCDay() : date.getDay(),
      day: utc ? date.getUTCDate() : date.getDate(),
      month: utc ? date.getUTCMonth() : date.getMonth(),
      year: utc ? date.getUTCFullYear() : date.getFullYear(),
      seconds: utc ? date.getUTCHours() * 3600 + date.getUTCMinutes() * 60 + date.getUTCSeconds()
                   : date.getHours() * 3600 + date.getMinutes() * 60 + date.getSeconds()
    };
  }
  function taken(list) {
    var words = Array.prototype.slice.call(list);
    while (words.length && words[words.length - 1] === undefined) { words.pop(); }
    var utc = words.length > 0 && String(words[words.length - 1]).toUpperCase() === "GMT";
    if (utc) { words.pop(); }
    return { words: words, now: now(utc) };
  }
  function between(first, x, last) { return first <= last ? first <= x && x <= last : x >= first || x <= last; }

  everything.isPlainHostName = function (name) { return String(name).search(/[.:]/) < 0; };
  everything.dnsDomainIs = function (name, domain) {
    name = lower(name); domain = lower(domain);
    return name.length >= domain.length && name.slice(name.length - domain.length) === domain;
  };
  everything.localHostOrDomainIs = function (name, full) {
    name = lower(name); full = lower(full);
    return name === full || (name.indexOf(".") < 0 && full.indexOf(name + ".") === 0);
  };
  everything.dnsResolve = function (name) {
    var found = host.resolve(String(name));
    return found === "" ? null : found;
  };
  everything.isResolvable = function (name) { return everything.dnsResolve(name) !== null; };
  everything.isInNet = function (name, pattern, mask) {
    var address = number(name);
    if (address === null) { address = number(everything.dnsResolve(name)); }
    pattern = number(pattern); mask = number(mask);
    if (address === null || pattern === null || mask === null) { return false; }
    for (var shift = 0; shift < 4; shift++) {
      var unit = Math.pow(256, shift), m = Math.floor(mask / unit) % 256;
      if (((Math.floor(address / unit) % 256) & m) !== ((Math.floor(pattern / unit) % 256) & m)) { return false; }
    }
    return true;
  };
  everything.myIpAddress = function () { return host.address(); };
  everything.dnsDomainLevels = function (name) { return String(name).split(".").length - 1; };
  everything.shExpMatch = function (text, pattern) {
    var quoted = String(pattern).replace(/[\\^$.|+(){}\[\]]/g, "\\$&").replace(/\*+/g, "[\\s\\S]*").replace(/\?/g, "[\\s\\S]");
    return new RegExp("^" + quoted + "$").test(String(text));
  };
  everything.weekdayRange = function () {
    var given = taken(arguments), days = given.words.map(function (x) { return DAYS.indexOf(String(x).toUpperCase()); });
    if (days.length < 1 || days.length > 2 || days.indexOf(-1) >= 0) { return false; }
    return between(days[0], given.now.weekday, days[days.length - 1]);
  };
  everything.dateRange = function () {
    var given = taken(arguments);
    var parts = given.words.map(function (x) {
      var month = MONTHS.indexOf(String(x).toUpperCase());
      if (month >= 0) { return { kind: "month", value: month }; }
      var value = Number(x);
      return { kind: value > 31 ? "year" : "day", value: value };
    });
    function kinds(list) { return list.map(function (part) { return part.kind; }).join(); }
    var half = parts.length / 2, first = parts, last = parts;
    if (parts.length % 2 === 0 && kinds(parts.slice(0, half)) === kinds(parts.slice(half))) {
      first = parts.slice(0, half); last = parts.slice(half);
    }
    if (first.length < 1 || first.length > 3 || parts.some(function (part) { return !(part.value >= 0); })) { return false; }
    var weights = { year: 10000, month: 100, day: 1 };
    function weight(list) { return list.reduce(function (sum, part) { return sum + weights[part.kind] * part.value; }, 0); }
    var today = weight(first.map(function (part) { return { kind: part.kind, value: given.now[part.kind] }; }));
    if (kinds(first).indexOf("year") >= 0) { return weight(first) <= today && today <= weight(last); }
    return between(weight(first), today, weight(last));
  };
  everything.timeRange = function () {
    var given = taken(arguments), x = given.words.map(Number), s = given.now.seconds, hour = Math.floor(s / 3600);
    if (x.some(function (each) { return !(each >= 0); })) { return false; }
    if (x.length === 1) { return hour === x[0]; }
    if (x.length === 2) { return between(x[0], hour, x[1]); }
    if (x.length === 4) { return between(x[0] * 3600 + x[1] * 60, s, x[2] * 3600 + x[3] * 60 + 59); }
    if (x.length === 6) { return between(x[0] * 3600 + x[1] * 60 + x[2], s, x[3] * 3600 + x[4] * 60 + x[5]); }
    return false;
  };
  everything.alert = function () {};
})
"""
