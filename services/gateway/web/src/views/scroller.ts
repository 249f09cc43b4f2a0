/** Keeps the reader's place while the list changes: the end if they were there, else the message they were looking at. */

const NEAR_END_PX = 60;
const NEAR_EDGE_PX = 900; // so close to an end of the window it is moved on

export class Scroller {
  private follows = true;
  private anchor: { element: Element; top: number } | null = null;
  private readonly watched: ResizeObserver;

  constructor(private readonly root: HTMLElement, private readonly move: (up: boolean) => void, private readonly onAway: (away: boolean) => void) {
    root.addEventListener("scroll", this.scrolled, { passive: true });
    this.watched = new ResizeObserver(() => this.keep());
    this.watched.observe(root);
    this.watched.observe(root.firstElementChild!);
  }

  stop(): void {
    this.watched.disconnect();
    this.root.removeEventListener("scroll", this.scrolled);
  }

  /** Follows the end from here on. */
  toEnd(): void {
    this.follows = true;
    this.onAway(false);
    this.keep();
  }

  /** Call it after the list was drawn. `whole`: the window ends with the newest message. */
  settle(whole: boolean): void {
    if (!whole && this.follows) this.follows = false;
    this.keep();
  }

  private keep(): void {
    const { root, anchor } = this;
    if (this.follows) root.scrollTop = root.scrollHeight;
    else if (anchor?.element.isConnected) {
      const shift = anchor.element.getBoundingClientRect().top - anchor.top;
      if (Math.abs(shift) >= 1) root.scrollTop += shift;
    }
    if (root.scrollTop < NEAR_EDGE_PX && root.scrollHeight > root.clientHeight) this.edges();
  }

  private readonly scrolled = (): void => {
    const { root } = this;
    const left = root.scrollHeight - root.scrollTop - root.clientHeight;
    const above = root.getBoundingClientRect().top;
    this.follows = left < NEAR_END_PX;
    this.onAway(left > root.clientHeight);
    const element = [...root.firstElementChild!.children].find((it) => it.getBoundingClientRect().bottom > above && !it.classList.contains("older"));
    this.anchor = element ? { element, top: element.getBoundingClientRect().top } : null;
    this.edges();
  };

  private edges(): void {
    const { root } = this;
    if (root.scrollTop < NEAR_EDGE_PX) this.move(true);
    else if (root.scrollHeight - root.scrollTop - root.clientHeight < NEAR_EDGE_PX) this.move(false);
  }
}
