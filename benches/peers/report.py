"""The tables of docs/performance.md, and how they get there."""

import sys
from statistics import median

from servers import ROOT

PAGE = ROOT / "docs/performance.md"
ASKED = ("read one", "list ten", "create", "invalid body")
# Of the bare server, in the same run.
GOALS = {"read one": 0.85, "create": 0.8, "invalid body": 0.8}
TIMES_A_PEER = 10
START_MS, IDLE_MB = 10, 15
# A server that took less of its core than this waited for the load.
SATURATED = 0.9


def write(marker, text):
    """Puts a text between its markers."""
    page = PAGE.read_text()
    opening, closing = f"<!-- {marker} -->\n", "<!-- end -->"
    before, found, after = page.partition(opening)
    if not found or closing not in after:
        sys.exit(f"{PAGE} has no place for {marker}")
    PAGE.write_text(f"{before}{opening}{text}{closing}{after.split(closing, 1)[1]}")


def of(found):
    connections = sorted({connections for _, connections, _ in found["rates"]}, reverse=True)
    most = connections[0]
    parts = [machine(found), abilities(found), rates(found, most), ratios(found, most), costs(found, most)]
    parts += [rates(found, fewer) for fewer in connections[1:]]
    parts += [start_and_memory(found), goals(found, most)]
    return "\n\n".join(parts) + "\n"


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(found):
    tools, rounds = found["tools"], {len(seen) for seen in found["rates"].values()}
    rounds = " to ".join(str(count) for count in sorted({min(rounds), max(rounds)}))
    return (
        f"{tools['cores']} cores of {tools['cpu']}; load average before: {found['load average']:.2f}. "
        f"wrk {tools['wrk']}, Node {tools['node']}, Python {tools['python']}. "
        f"Rounds of {found['seconds']} s, {rounds} for each figure, {found['minutes']:.1f} minutes in all."
    )


def abilities(found):
    rows = []
    for kind in found["kinds"]:
        checks = f"yes ({kind.refused})" if kind.checks else f"no ({kind.created})"
        rows.append([f"{kind.name} {kind.version}", checks, "yes" if kind.keeps else "no", kind.does])
    lines = ["| server | refuses an invalid body | keeps what was created | what it does |", "|---|---|---|---|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def rates(found, connections):
    rows, waited = [], []
    for kind in found["kinds"]:
        seen = {asked: found["rates"].get((asked, connections, kind.name)) for asked in ASKED}
        rows.append([kind.name, *(spread(one, "{:,.0f}") if one else "not checked" for one in seen.values())])
        idle = [asked for asked in ASKED if seen[asked] and busy(found, asked, connections, kind.name) < SATURATED]
        if idle:
            waited.append(f"{kind.name} ({', '.join(idle)})")
    text = f"Answers a second with {of_connections(connections)}: median (lowest to highest round).\n\n"
    text += table(["server", *ASKED], rows)
    if waited and connections > 1:
        text += "\n\nTook less than nine tenths of its core, so that something else was the limit (the load, a disk, "
        text += f"whoever else uses this machine): {', '.join(waited)}."
    return text


def spread(seen, form):
    """A median, and between which values it lies."""
    text = form.format(median(seen))
    return text if len(seen) == 1 else f"{text} ({form.format(min(seen))} to {form.format(max(seen))})"


def busy(found, asked, connections, name):
    """Which part of its core a server took."""
    return median(found["busy"][asked, connections, name])


def costs(found, connections):
    rows = []
    for kind in found["kinds"]:
        row = [kind.name]
        for asked in ASKED:
            key = (asked, connections, kind.name)
            pairs = zip(found["rates"].get(key, []), found["busy"].get(key, []), strict=True)
            each = [part / rate * 1e6 for rate, part in pairs]
            row.append(f"{median(each):,.1f}" if each else "")
        rows.append(row)
    what = "Microseconds of its core for each answer, kernel included, which other programs disturb less: medians"
    return f"{what}, {of_connections(connections)}.\n\n" + table(["server", *ASKED], rows)


def of_connections(connections):
    return "one connection" if connections == 1 else f"{connections} connections"


def ratio(found, asked, connections, name):
    ours, theirs = (found["rates"].get((asked, connections, one)) for one in ("Leapday", name))
    return median(ours) / median(theirs) if theirs else None


def ratios(found, connections):
    rows = []
    for kind in found["kinds"][1:]:
        seen = [ratio(found, asked, connections, kind.name) for asked in ASKED]
        rows.append([kind.name, *("" if one is None else f"{one:.2f}" if one < 10 else f"{one:.0f}" for one in seen)])
    text = f"Leapday's rate as a multiple of theirs, {of_connections(connections)}.\n\n"
    return text + table(["server", *ASKED], rows)


def start_and_memory(found):
    rows = []
    for kind in found["kinds"]:
        idle, after, made = found["memory"][kind.name]
        start = found["start"][kind.name]
        rows.append([
            kind.name, spread(start, "{:,.1f}"), f"{idle:.1f}", f"{after:.1f} after {made:,}",
        ])
    head = ["server", "start to first answer, ms", "idle memory, MB", "memory after creates, MB"]
    return "Memory is the proportional set size of the process and what it started.\n\n" + table(head, rows)


def goals(found, most):
    lines = []

    def judge(what, value, holds):
        lines.append(f"- {'holds' if holds else '**does not hold**'}: {what}: {value}")

    for asked, goal in GOALS.items():
        value = ratio(found, asked, most, "bare server")
        judge(f"{asked}, at least {goal} of the bare server", f"{value:.2f}", value >= goal)
    for kind in found["kinds"][2:]:
        seen = {asked: ratio(found, asked, most, kind.name) for asked in ASKED}
        seen = {asked: value for asked, value in seen.items() if value is not None}
        least = min(seen, key=seen.get)
        judge(f"at least {TIMES_A_PEER} times {kind.name}", f"{seen[least]:.1f} ({least})", seen[least] >= TIMES_A_PEER)
    start, idle = median(found["start"]["Leapday"]), found["memory"]["Leapday"][0]
    judge(f"start to first answer within {START_MS} ms", f"{start:.1f} ms", start <= START_MS)
    judge(f"idle memory within {IDLE_MB} MB", f"{idle:.1f} MB", idle <= IDLE_MB)
    return f"The goals, with {of_connections(most)}:\n\n" + "\n".join(lines)
