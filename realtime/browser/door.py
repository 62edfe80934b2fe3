"""Who is let in: one-time tokens, the cookie they are exchanged for, and what a browser must say.

A **token** opens the page once. It is in the address that keycam prints, so it may end up in a
history or be seen over a shoulder; after its first use it is worth nothing. In exchange the browser
gets a **cookie** that scripts cannot read and other sites cannot make it send; reloads and
reconnections show that. For a further browser a further token is drawn: one is always ready in the
terminal, and a page that was let in can ask for one for a phone, which is good for ten minutes.

The Host that a browser names must be the address it has connected to, so a name of somebody
else's that was made to point here (DNS rebinding) is refused. A request that says that it comes
from another page is refused, and the WebSocket demands that it comes from this one.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic

MOST_BROWSERS = 32  # cookies that are good at a time
MOST_INVITATIONS = 4
INVITATION_S = 600.0
REFUSED = "This address is not good, or was used before: use the newest one that keycam printed.\n"
_NAVIGATION = {"none", "same-origin", ""}  # Sec-Fetch-Site; older browsers do not say it


@dataclass(frozen=True)
class Arrival:
    """One request.

    Attributes:
        local: address and port of this machine that it came to.
        headers: by their names in lower case.
        token: in the query, "" if none.
        cookies: by their names.
    """

    local: tuple[str, int]
    headers: Mapping[str, str]
    token: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)


class Door:
    """Decides; every method is called on the server's thread.

    Attributes:
        cookie: name of the cookie. Cookies are not kept apart by port, so the port is in it.
    """

    def __init__(self, port: int, name: str = "") -> None:
        """
        Args:
            name: of this machine, under which it may be asked for besides its addresses.
        """
        self.cookie = f"keycam-{port}"
        self._name = name.lower()
        self._standing = ""
        self._invitations: dict[str, float] = {}  # token: good until
        self._browsers: list[str] = []  # cookies, the oldest first
        self.renew()

    @property
    def token(self) -> str:
        """The one that is printed; good until it is used."""
        return self._standing

    def renew(self) -> str:
        """Draw the token that is printed anew."""
        self._standing = secrets.token_urlsafe(18)
        return self._standing

    def invite(self) -> str:
        """A token for another device; the oldest that nobody used is given up for it."""
        token = secrets.token_urlsafe(18)
        self._invitations[token] = monotonic() + INVITATION_S
        while len(self._invitations) > MOST_INVITATIONS:
            del self._invitations[next(iter(self._invitations))]
        return token

    def host(self, arrival: Arrival) -> str | None:
        """The Host it was asked for, as in an address; None if that is not this server."""
        host = arrival.headers.get("host", "").lower()
        address, port = arrival.local
        own = ip_address(address.partition("%")[0])
        own = getattr(own, "ipv4_mapped", None) or own
        names = {f"[{own}]" if own.version == 6 else str(own)}
        names |= {"localhost"} if own.is_loopback else set()
        names |= {self._name} - {""}
        good = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
        return host if host in good else None

    def knows(self, arrival: Arrival) -> bool:
        """Whether it shows a cookie that was given, and comes from no other page."""
        host = self.host(arrival)
        origin = arrival.headers.get("origin")
        if host is None or origin not in (None, f"http://{host}") or not _own_site(arrival):
            return False
        shown = arrival.cookies.get(self.cookie, "").encode(errors="replace")
        found = [secrets.compare_digest(shown, own.encode()) for own in self._browsers]
        return any(found)

    def admits(self, arrival: Arrival) -> bool:
        """Whether it may open the WebSocket: known, and sent by this server's own page."""
        origin = arrival.headers.get("origin")
        return self.knows(arrival) and origin == f"http://{self.host(arrival)}"

    def exchange(self, arrival: Arrival) -> str | None:
        """A cookie for the token it shows, which is used up; None if that is not good.

        A link may be followed from anywhere, so only the token counts; a browser that merely
        looks ahead (Sec-Purpose) uses nothing up.
        """
        ahead = "prefetch" in arrival.headers.get("sec-purpose", "")
        if self.host(arrival) is None or ahead or not self._use(arrival.token):
            return None
        cookie = secrets.token_urlsafe(32)
        self._browsers = [*self._browsers, cookie][-MOST_BROWSERS:]
        return cookie

    def _use(self, token: str) -> bool:
        shown, now = token.encode(errors="replace"), monotonic()
        good = [own for own, until in self._invitations.items() if until > now]
        for own in (*good, self._standing):
            if secrets.compare_digest(shown, own.encode()):
                self._invitations.pop(own, None)
                if own == self._standing:
                    self.renew()
                return True
        return False


def _own_site(arrival: Arrival) -> bool:
    return arrival.headers.get("sec-fetch-site", "") in _NAVIGATION
