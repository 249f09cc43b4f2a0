"""What a person orders when stream and log do not fit together any more."""


class NotDone(Exception):
    """The order does not fit what is there; the sentence says why. Nothing was changed."""
