"""How long to wait before a process that died is started again."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Pauses of 0.2, 0.4, 0.8 ... at most 10 s; a life of `calm_s` starts them over."""

    first_s: float = 0.2
    most_s: float = 10.0
    calm_s: float = 10.0
    deaths: int = field(default=0, init=False)

    def after(self, lived_s: float) -> float:
        """The pause in seconds after a life of `lived_s`; counts the death."""
        if lived_s >= self.calm_s:
            self.deaths = 0
        pause = min(self.most_s, self.first_s * 2.0 ** min(self.deaths, 32))
        self.deaths += 1
        return pause
