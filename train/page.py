"""One self-contained HTML page: no script, no request, light and dark."""

from collections.abc import Iterable
from html import escape

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --ground: #fbfaf8; --card: #ffffff; --ink: #1d2126;
  --quiet: #626b75; --rule: #e3e1dc; --mark: #8a4b00; --marked: #fff4e2; --halt: #a3123a;
  --c0: #0072b2; --c1: #d55e00; --c2: #00855f; --c3: #b04f8b; --c4: #8a6d00; --c5: #4d5761; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --card: #1c2026;
  --ink: #e8e9ea; --quiet: #9aa4af; --rule: #2f353d; --mark: #f0b45a; --marked: #2b2417;
  --halt: #ff8fa8; --c0: #56b4e9; --c1: #f08a4b; --c2: #3fc9a0; --c3: #e39ac6; --c4: #e3c94f;
  --c5: #b6bec7; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 .2em; letter-spacing: -.01em;
  overflow-wrap: anywhere; }
h2 { font-size: 1.3rem; margin: 2.6em 0 .5em; padding-top: .9em;
  border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.6em 0 .4em; }
p { margin: .4em 0 .9em; max-width: 75ch; overflow-wrap: anywhere; }
.quiet, figcaption, .legend, dt { color: var(--quiet); }
figure { margin: 1em 0; } figcaption { font-size: .88rem; margin-top: .4em; }
img { display: block; max-width: 100%; height: auto; border-radius: 8px; }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(135px, 1fr));
  gap: 10px; margin: 1.4em 0; }
dl.figures div { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 12px 14px; }
dl.figures dt { font-size: .82rem; } dl.figures dd { margin: 0; font-size: 1.3rem;
  font-variant-numeric: tabular-nums; }
.grid-2 { display: grid; grid-template-columns: repeat(auto-fit, minmax(310px, 1fr)); gap: 18px; }
.below { margin-top: 18px; }
.grid-3 { display: grid; grid-template-columns: repeat(auto-fit, minmax(270px, 1fr)); gap: 16px; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 10px 12px 6px; margin: 0; }
.card b { font-weight: 600; } .card .value { float: right; font-variant-numeric: tabular-nums; }
.card small { color: var(--quiet); display: block; line-height: 1.35; min-height: 1.35em; }
svg { display: block; width: 100%; height: auto; } .key svg { display: inline-block; width: 26px;
  height: 8px; margin-right: 6px; }
.key { margin-right: 18px; white-space: nowrap; } .legend { font-size: .88rem; }
svg text { fill: var(--quiet); font-size: 10px; } .grid { stroke: var(--rule); }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); stroke-dasharray: 7 2; }
.s2 { stroke: var(--c2); stroke-dasharray: 2 2; } .s3 { stroke: var(--c3);
  stroke-dasharray: 9 2 2 2; } .s4 { stroke: var(--c4); stroke-dasharray: 4 3; }
.s5 { stroke: var(--c5); stroke-dasharray: 12 3; }
.poses rect { fill: #14171b; } .poses polyline, .poses polygon { fill: none; stroke-width: 2;
  stroke-linejoin: round; stroke-linecap: round; } .poses circle { fill: #fff; }
ul.findings { list-style: none; padding: 0; margin: 1em 0; }
ul.findings li { background: var(--marked); border-left: 4px solid var(--mark);
  border-radius: 0 8px 8px 0; padding: 10px 14px; margin: 0 0 10px; overflow-wrap: anywhere; }
ul.findings li.stop { border-color: var(--halt); }
ul.findings .tag { font-size: .75rem; font-weight: 700; text-transform: uppercase;
  letter-spacing: .06em; color: var(--mark); margin-right: .6em; }
ul.findings li.stop .tag { color: var(--halt); }
ul.findings .remedy { display: block; color: var(--quiet); }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px;
  padding: 10px 14px; overflow-x: auto; font: 14px/1.5 ui-monospace, "DejaVu Sans Mono", monospace;
  margin: .3em 0 1.1em; }
table { border-collapse: collapse; font-size: .9rem; } td { padding: 2px 22px 2px 0;
  vertical-align: top; overflow-wrap: anywhere; } td:first-child { color: var(--quiet); }
summary { cursor: pointer; } footer { margin-top: 4em; color: var(--quiet); font-size: .85rem; }
@media print { main { max-width: none; } h2 { break-after: avoid; } figure, .card, li {
  break-inside: avoid; } }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """The whole page; `title` is text, `parts` are HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def section(name: str, title: str, *parts: str) -> str:
    """A part of the page with a heading; nothing where `parts` are empty."""
    inside = "".join(parts)
    return f'<section id="{name}"><h2>{escape(title)}</h2>{inside}</section>' if inside else ""


def paragraph(text: str, *, quiet: bool = False) -> str:
    return f"<p{' class=quiet' if quiet else ''}>{escape(text)}</p>"


def picture(address: str, says: str) -> str:
    """An image with what it shows written below."""
    told = escape(says)
    return f'<figure><img src="{address}" alt="{told}"><figcaption>{told}</figcaption></figure>'


def figures(values: Iterable[tuple[str, str]]) -> str:
    """A row of large numbers with their names."""
    cells = [f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in values]
    return f'<dl class="figures">{"".join(cells)}</dl>'


def table(rows: Iterable[tuple[str, str]]) -> str:
    cells = [f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in rows]
    return f"<table>{''.join(cells)}</table>" if cells else ""


def command(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def card(title: str, value: str, says: str, inside: str) -> str:
    """A small chart with its name and its last value."""
    return (
        f'<div class="card"><span class="value">{escape(value)}</span><b>{escape(title)}</b>'
        f"<small>{escape(says)}</small>{inside}</div>"
    )
