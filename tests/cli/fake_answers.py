"""Answers that the fake app's parts share."""

from aiohttp import web


def refusal(status: int, code: str, message: str, next: str = "") -> web.Response:
    """An error as the app words it."""
    return web.json_response({"error": {"code": code, "message": message, "next": next}}, status=status)
