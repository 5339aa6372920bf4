"""How a report looks: one style sheet for screen, dark screen and paper. Every text colour is at least 4.5:1."""

from __future__ import annotations

# Colours by role; tests/unit/test_report_html.py measures each text colour against the grounds it stands on.
LIGHT = {
    "paper": "#ffffff", "ground": "#f3f5f7", "ink": "#17202a", "soft": "#4b5764", "line": "#d5dbe1",
    "accent": "#0b6b5d", "pass": "#0b6b5d", "fail": "#b42318", "back": "#9a3412", "wait": "#855600",
    "busy": "#1d5fa8", "calm": "#4b5764",
}  # fmt: skip
DARK = {
    "paper": "#161c24", "ground": "#0f141a", "ink": "#e8edf3", "soft": "#a9b4c0", "line": "#2f3945",
    "accent": "#4fd1b8", "pass": "#4fd1b8", "fail": "#ff8a7a", "back": "#ffab70", "wait": "#e3b341",
    "busy": "#7db7ff", "calm": "#a9b4c0",
}  # fmt: skip
TEXTS = ("ink", "soft", "accent", "pass", "fail", "back", "wait", "busy", "calm")
GROUNDS = ("paper", "ground")

_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",
"Noto Sans KR","Apple SD Gothic Neo","Malgun Gothic","NanumGothic",sans-serif}
main,header,footer{max-width:1000px;margin:0 auto;padding:0 20px}
footer{padding-bottom:40px}
a{color:var(--accent)}
a:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-9999px}
.skip:focus{left:8px;top:8px;background:var(--paper);padding:8px;z-index:9}
.over{margin:28px 0 6px;color:var(--soft);font-size:13px;letter-spacing:.02em}
.hero{display:flex;gap:16px;align-items:flex-start;background:var(--paper);border:1px solid var(--line);
border-left:6px solid var(--tone);border-radius:10px;padding:20px 22px}
.hero .icon{flex:none;width:44px;height:44px;border-radius:50%;border:2px solid var(--tone);color:var(--tone);
display:grid;place-items:center;font-size:22px;font-weight:700;line-height:1}
.hero p{margin:6px 0 0;color:var(--soft);overflow-wrap:anywhere}
h1{margin:0;font-size:25px;line-height:1.25;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin:34px 0 10px;letter-spacing:-.005em}
.pass{--tone:var(--pass)}.fail{--tone:var(--fail)}.back{--tone:var(--back)}
.wait{--tone:var(--wait)}.busy{--tone:var(--busy)}.calm{--tone:var(--calm)}
.banner{margin:14px 0;padding:10px 14px;border:1px solid var(--wait);border-left:6px solid var(--wait);
border-radius:8px;background:var(--paper)}
.banner.fail{border-color:var(--fail)}
nav{margin:14px 0 0}
nav ul{display:flex;flex-wrap:wrap;gap:4px 16px;list-style:none;margin:0;padding:0;font-size:14px}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.card+.card,.card+.scroll,.scroll+.card{margin-top:12px}
.grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:14px 24px;margin:0}
.card+.grid{margin-top:12px}
.grid .wide{grid-column:1/-1}
.grid dt{color:var(--soft);font-size:13px}
.grid dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;background:var(--paper);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:8px 12px;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:13px;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
td.t{white-space:nowrap}
td.w{min-width:150px;overflow-wrap:anywhere}
.badge{white-space:nowrap;color:var(--tone);font-weight:600}
.badge i{font-style:normal;display:inline-block;width:1.2em}
.small{color:var(--soft);font-size:13px}
.flag{color:var(--fail);font-weight:600}
ul.plain{margin:0;padding-left:20px}
ul.plain li{margin:4px 0;overflow-wrap:anywhere}
code{font:13px ui-monospace,"Cascadia Mono","DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
figure{margin:0;overflow-x:auto}
figure svg{width:100%;min-width:640px;height:auto;display:block}
@media (max-width:620px){h1{font-size:21px}main,header,footer{padding:0 12px}}
"""
_PAPER = """
body{font-size:11pt}
nav,.skip{display:none}
main,header,footer{max-width:none;padding:0}
.hero,.card,.banner,tr{break-inside:avoid}
.scroll,figure{overflow:visible;border-radius:0}
thead{display:table-header-group}
h2{break-after:avoid}
table{font-size:9pt}
.small,thead th,.grid dt{font-size:8.5pt}
th,td{padding:4px 6px}
td.t,td.n,thead th{white-space:normal}
td.w{min-width:0}
figure svg{min-width:0}
a{color:inherit;text-decoration:none}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
"""


def _colours(palette: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in palette.items())


def _packed(rules: str) -> str:
    return rules.strip().replace("\n", "")


CSS = (
    f":root{{color-scheme:light dark;{_colours(LIGHT)}}}"
    f"@media (prefers-color-scheme:dark){{:root{{{_colours(DARK)}}}}}"
    f"{_packed(_RULES)}"
    f"@media print{{:root{{color-scheme:light;{_colours({**LIGHT, 'ground': '#ffffff'})}}}{_packed(_PAPER)}}}"
    "@page{margin:16mm}"
)
