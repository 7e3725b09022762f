"""Where the local system keeps its state, which ports it listens on, and the settings it hands to its parts."""

import getpass
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent

#: Azurite's published development account. It opens nothing but an emulator on this machine.
ACCOUNT: Final = "devstoreaccount1"
ACCOUNT_KEY: Final = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

FALLBACK_OWNER: Final = "fallback.owner@clinic.example"

#: The keys a Functions host has: of the app's endpoints, of everything, and of the durable extension.
KEYS: Final = ("default", "master", "durabletask_extension")

#: When the local system looks for changes by itself: at night, so that it does not come between two commands.
NIGHTLY: Final = "0 0 3 * * *"


class LocalError(Exception):
    """The local system cannot do what was asked. ``next`` says what to try."""

    def __init__(self, message: str, next: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next = next


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the local system and the variable that moves it."""

    name: str
    variable: str
    default: int


PORTS: Final = (
    Port("app", "CARRYOVER_PORT_APP", 7071),
    Port("blob", "CARRYOVER_PORT_BLOB", 10000),
    Port("queue", "CARRYOVER_PORT_QUEUE", 10001),
    Port("table", "CARRYOVER_PORT_TABLE", 10002),
    Port("dataverse", "CARRYOVER_PORT_DATAVERSE", 7080),
    Port("clinic", "CARRYOVER_PORT_CLINIC", 7090),
)


def read_settings_file(path: Path) -> dict[str, str]:
    """``Values`` of a ``local.settings.json``, if there is one. Raises LocalError when it is broken."""
    if not path.exists():
        return {}
    try:
        values = json.loads(path.read_text("utf-8")).get("Values", {})
    except (ValueError, AttributeError) as error:
        raise LocalError(
            f"{path.name} is not a JSON document with a Values object.", "Mend it, or remove it."
        ) from error
    return {str(name): str(value) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Places:
    """One local system: its state folder, its ports and the settings it was started with."""

    state: Path
    ports: Mapping[str, int]
    settings: Mapping[str, str]  #: local.settings.json below the environment

    @classmethod
    def find(cls) -> "Places":
        """Reads the environment and ``local.settings.json``. Raises LocalError for a port that is not one."""
        settings = read_settings_file(REPOSITORY / "local.settings.json") | dict(os.environ)
        state = Path(settings.get("CARRYOVER_LOCAL_DIR") or REPOSITORY / ".local").resolve()
        ports = {}
        for port in PORTS:
            text = settings.get(port.variable) or str(port.default)
            if not text.isdigit() or not 0 < int(text) < 65536:
                raise LocalError(
                    f"{port.variable} is not a port number.", f"Set it to 1-65535 (default {port.default})."
                )
            ports[port.name] = int(text)
        return cls(state, ports, settings)

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def keys_file(self) -> Path:
        return self.state / "keys.json"

    @property
    def record_file(self) -> Path:
        """What runs: written by ``up``, read by ``status``, ``down`` and the command line."""
        return self.state / "local.json"

    @property
    def seed_file(self) -> Path:
        return self.state / "seed.json"

    @property
    def dataverse_db(self) -> Path:
        return self.state / "dataverse.db"

    @property
    def host_db(self) -> Path:
        return self.state / "host.db"

    @property
    def azurite(self) -> Path:
        return self.state / "azurite"

    @property
    def temp(self) -> Path:
        return self.state / "temp"

    @property
    def app_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['app']}"

    @property
    def simulated(self) -> bool:
        """Whether the simulator stands in for Dataverse: it does unless a DATAVERSE_URL is given."""
        return not self.settings.get("DATAVERSE_URL")

    @property
    def dataverse_url(self) -> str:
        return self.settings.get("DATAVERSE_URL") or f"http://127.0.0.1:{self.ports['dataverse']}"

    @property
    def storage(self) -> str:
        """The connection string of this system's Azurite."""
        services = {"Blob": "blob", "Queue": "queue", "Table": "table"}
        endpoints = "".join(
            f"{service}Endpoint=http://127.0.0.1:{self.ports[name]}/{ACCOUNT};" for service, name in services.items()
        )
        return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};{endpoints}"

    def function_key(self) -> str:
        """The key the app's endpoints ask for; all keys are made once and kept where only this user reads them."""
        try:
            keys = json.loads(self.keys_file.read_text("utf-8")) if self.keys_file.exists() else {}
        except ValueError as error:
            raise LocalError(f"{self.keys_file} is not a JSON document.", "Remove it; new keys are made.") from error
        missing = [name for name in KEYS if not keys.get(name)]
        if missing:
            keys |= {name: secrets.token_urlsafe(32) for name in missing}
            write_private(self.keys_file, keys)
        return str(keys["default"])

    def app_environment(self) -> dict[str, str]:
        """The settings the Functions host gets on top of the caller's environment."""
        values = dict(self.settings) | {
            "AzureWebJobsStorage": self.storage,
            "DATAVERSE_URL": self.dataverse_url,
            "CARRYOVER_TEMP": str(self.temp),
            "TASKHUB_NAME": self.settings.get("TASKHUB_NAME") or "carryover",
            "CARRYOVER_DELTA_CRON": self.settings.get("CARRYOVER_DELTA_CRON") or NIGHTLY,
        }
        if not values.get("CARRYOVER_APP_SERVICE_AUTH"):
            values.setdefault("CARRYOVER_DEVELOPMENT_IDENTITY", values.get("CARRYOVER_OPERATOR") or _user())
        if self.simulated:
            values["DATAVERSE_TOKEN"] = "local"
            values.setdefault("CARRYOVER_FALLBACK_OWNER", FALLBACK_OWNER)
        return values


def _user() -> str:
    """The user of this machine, where it has a name for one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "operator"


def write_private(path: Path, document: Any) -> None:
    """Writes JSON that only this user may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    beside.replace(path)
