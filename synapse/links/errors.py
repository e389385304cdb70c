"""What stands against opening a link."""

from synapse.common.errors import DomainError


class LinkGone(DomainError):
    """The link is used up, ended, too old, locked or never was; all look the same."""

    code = "link_gone"
    status = 404

    def __init__(self) -> None:
        super().__init__("This link can't be opened. Ask the clinic for a new one.")


class WrongPin(DomainError):
    """The PIN does not fit; `tries_left` is never 0: then the link is gone."""

    code = "wrong_pin"

    def __init__(self, tries_left: int) -> None:
        super().__init__(f"This PIN is not right. {tries_left} {'try is' if tries_left == 1 else 'tries are'} left.")
        self.tries_left = tries_left
