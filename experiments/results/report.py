"""A run as one HTML page that needs nothing beside it: the figures are inside."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically
from cal_jax.metrics.scores import Score, shown, shown_unit

_TEMPLATE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>
:root { --ink: #1a1a1a; --paper: #fdfdfc; --faint: #666; --line: #d8d8d4; --block: #f1f1ee; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e3; --paper: #17181a; --faint: #a0a09c; --line: #3a3b3e; --block: #222427; }
}
body { margin: 2.5rem auto; max-width: 62rem; padding: 0 1.25rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin-bottom: .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2.4rem; }
p { max-width: 44rem; }
pre { background: var(--block); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; }
pre, td.value { font: .88rem/1.5 ui-monospace, monospace; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .32rem 1.2rem .32rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { font-weight: 600; color: var(--faint); }
td.number, th.number { text-align: right; white-space: nowrap; }
td.value { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
figure { margin: 1.6rem 0 2.4rem; }
figure img { max-width: 100%; height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: 6px; }
figcaption { color: var(--faint); max-width: 44rem; margin-top: .4rem; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for paragraph in intro %}<p>{{ paragraph }}</p>
{% endfor %}
<pre>{{ command }}</pre>
<h2>Scores</h2>
<div class="scroll"><table>
<tr><th>score</th><th class="number">value</th><th class="number">ceiling</th>
{%- if targets %}<th class="number">target</th>{% endif %}<th>unit</th></tr>
{% for row in scores %}<tr><td>{{ row.name }}</td><td class="number">{{ row.value }}</td>
{#- #}<td class="number">{{ row.ceiling }}</td>
{%- if targets %}<td class="number">{{ row.target }}</td>{% endif %}<td>{{ row.unit }}</td></tr>
{% endfor %}</table></div>
<p>The ceiling is the same score of real test data, or of exact inference:
see docs/results/scores.md.</p>
{% if figures %}<h2>Figures</h2>
{% for image, caption in figures %}<figure>
<img src="data:image/png;base64,{{ image }}" alt="{{ caption }}">
<figcaption>{{ caption }}</figcaption>
</figure>
{% endfor %}{% endif %}
{% for heading, fields in tables if fields %}<h2>{{ heading }}</h2>
<div class="scroll"><table>
{% for name, value in fields %}<tr><th>{{ name }}</th><td class="value">{{ value }}</td></tr>
{% endfor %}</table></div>
{% endfor %}</body>
</html>
"""


def write_report(
    path: Path,
    *,
    title: str,
    command: str,
    intro: str | Sequence[str],
    scores: Mapping[str, Score],
    figures: Sequence[tuple[Path, str]],
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
    targets: Mapping[str, float] | None = None,
) -> Path:
    """Writes the page whole or not at all; all text is escaped.

    Args:
        path: the HTML file.
        title: of the page.
        command: that made the run.
        intro: a paragraph or several.
        scores: the table's rows, by name.
        figures: a PNG and its caption each.
        config: the run's configuration, one row a field; nested mappings as `outer.inner`.
        provenance: versions, device, data and the like, in the same form.
        targets: what a score was meant to reach, by name, in the score's own unit.
    """
    import jinja2

    targets = targets or {}
    unknown = sorted(set(targets) - set(scores))
    if unknown:
        raise InputError(f"targets of scores that are not there: {', '.join(unknown)}")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(_TEMPLATE).render(
        title=title,
        command=command,
        intro=[intro] if isinstance(intro, str) else list(intro),
        scores=[_row(name, score, targets.get(name)) for name, score in scores.items()],
        targets=bool(targets),
        figures=[(_base64(png), caption) for png, caption in figures],
        tables=[
            ("Configuration", list(_flat(config).items())),
            ("Provenance", list(_flat(provenance).items())),
        ],
    )
    return write_atomically(path, page.encode())


def _row(name: str, score: Score, target: float | None) -> dict[str, str]:
    return {
        "name": name,
        "value": shown(score.value, score.unit),
        "ceiling": shown(score.ceiling, score.unit),
        "target": shown(target, score.unit),
        "unit": shown_unit(score.unit),
    }


def _base64(png: Path) -> str:
    try:
        body = Path(png).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the figure {png}: {error.strerror}") from error
    if not body.startswith(b"\x89PNG\r\n\x1a\n"):
        raise InputError(f"the figure {png} is not a PNG")
    return base64.b64encode(body).decode()


def _flat(fields: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
