"""The settings file: `config.toml` in the platform's configuration folder.

theme = "hermes-light"

[keys]
next-call = "ctrl+n"
down = "j,down"
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hermes_tui.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Config:
    """The user's settings. `keys` maps the id of an action to its keys, comma-separated."""

    theme: str = ""
    keys: dict[str, str] = field(default_factory=dict)


def config_path() -> Path:
    """Return the path of the settings file, which need not exist."""
    from platformdirs import user_config_path

    return user_config_path("hermes-tui") / "config.toml"


def load_config(path: Path | None = None) -> Config:
    """Return the settings, the defaults if there is no file; raise UsageError if it is invalid."""
    path = path or config_path()
    if not path.exists():
        return Config()
    import tomllib

    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}", "correct or remove the settings file") from error
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}", "correct or remove the settings file"
        ) from error
    unknown = set(values) - {"theme", "keys"}
    if unknown:
        raise UsageError(f"{path}: unknown setting {sorted(unknown)[0]!r}", "known: theme, [keys]")
    theme, keys = values.get("theme", ""), values.get("keys", {})
    if not isinstance(theme, str):
        raise UsageError(f"{path}: theme must be a string")
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise UsageError(f'{path}: [keys] maps an action to keys, such as down = "j,down"')
    return Config(theme, dict(keys))
