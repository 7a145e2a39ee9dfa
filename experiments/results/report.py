"""A run as one self-contained HTML page with its figures."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cal_jax.errors import InputError
from cal_jax.io.atomic import write_atomically
from cal_jax.metrics.scores import Score, shown, shown_unit

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


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
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATE.parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template(_TEMPLATE.name).render(
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
