/** Keeps the reader's place while the list changes: the end if they were there, else the message they were looking at. */

const NEAR_END_PX = 60;
const NEAR_EDGE_PX = 900; // so close to an end of the window it is moved on

/** What the list does about it. */
export interface Moves {
  move: (up: boolean) => void; // an end of the window is near
  follow: (follows: boolean) => void; // the reader is at the end, or has left it
  away: (away: boolean) => void; // the end is further away than a screen
}

export class Scroller {
  private follows = true;
  private whole = true;
  private top = 0; // where it was scrolled to when last looked at
  private anchor: { element: Element; offset: number } | null = null; // what is at the top of the screen, and where in the content
  private readonly watched: ResizeObserver;

  constructor(private readonly root: HTMLElement, private readonly moves: () => Moves) {
    root.addEventListener("scroll", this.scrolled, { passive: true });
    this.watched = new ResizeObserver(() => this.keep(root.scrollTop));
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
    this.moves().away(false);
    this.keep(this.root.scrollTop);
  }

  /** Call it before the list is drawn: the reader may have scrolled a moment ago, without an event so far. */
  look(): void {
    const { root } = this;
    if (this.follows && root.scrollTop < this.top - 1 && this.left() >= NEAR_END_PX) this.follows = false;
    this.top = root.scrollTop;
    if (!this.follows) this.anchor = this.topmost();
  }

  /** Call it after the list was drawn. `whole`: the window ends with the newest message. */
  settle(whole: boolean): void {
    this.whole = whole;
    if (!whole) this.follows = false;
    this.keep(this.top);
  }

  /** Scrolls from `top` by as much as the content above what the reader sees has grown. */
  private keep(top: number): void {
    const { root, anchor } = this;
    if (this.follows) root.scrollTop = root.scrollHeight;
    else if (anchor?.element.isConnected) {
      const offset = this.offset(anchor.element);
      const wanted = top + offset - anchor.offset;
      if (Math.abs(wanted - root.scrollTop) >= 1) root.scrollTop = wanted;
      anchor.offset = offset;
    }
    this.top = root.scrollTop;
    if (root.scrollHeight > root.clientHeight) this.edges();
  }

  private readonly scrolled = (): void => {
    this.follows = this.left() < NEAR_END_PX && this.whole;
    this.top = this.root.scrollTop;
    this.anchor = this.topmost();
    this.moves().away(this.left() > this.root.clientHeight);
    this.moves().follow(this.follows);
    this.edges();
  };

  private edges(): void {
    if (this.root.scrollTop < NEAR_EDGE_PX) this.moves().move(true);
    if (this.left() < NEAR_EDGE_PX && !this.follows) this.moves().move(false);
  }

  private topmost(): { element: Element; offset: number } | null {
    const above = this.root.getBoundingClientRect().top;
    const element = [...this.root.firstElementChild!.children].find((it) => it.getBoundingClientRect().bottom > above && !it.classList.contains("older"));
    return element ? { element, offset: this.offset(element) } : null;
  }

  private offset(element: Element): number {
    return element.getBoundingClientRect().top + this.root.scrollTop;
  }

  private left(): number {
    return this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight;
  }
}
