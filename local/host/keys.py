"""Function keys: who may call what."""

import hmac
import json
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web


@dataclass(frozen=True)
class Keys:
    """The keys of the host. Without any, keys are not asked for (as in Core Tools)."""

    default: str = ""
    master: str = ""
    durable: str = ""

    @classmethod
    def read(cls, path: Path) -> "Keys":
        """Reads {"default": …, "master": …, "durabletask_extension": …}. Raises `ValueError` when one is missing."""
        values = json.loads(path.read_text("utf-8"))
        try:
            keys = cls(values["default"], values["master"], values["durabletask_extension"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} has to have the keys default, master and durabletask_extension") from error
        if not (keys.default and keys.master and keys.durable):
            raise ValueError(f"a key in {path} is empty")
        return keys

    @property
    def asked_for(self) -> bool:
        return bool(self.master)

    def allows(self, request: web.Request, level: str) -> bool:
        """Whether a request may call a function of this level: ANONYMOUS, FUNCTION, ADMIN, or SYSTEM (durable)."""
        if level == "ANONYMOUS" or not self.asked_for:
            return True
        accepted = {"FUNCTION": (self.default, self.master), "SYSTEM": (self.durable, self.master)}
        given = (request.headers.get("x-functions-key", ""), request.query.get("code", ""))
        return any(
            hmac.compare_digest(key.encode(), offered.encode())
            for key in accepted.get(level, (self.master,))
            for offered in given
        )
