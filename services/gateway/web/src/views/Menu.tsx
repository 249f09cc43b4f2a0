import { type ComponentChildren, createContext } from "preact";
import { useContext, useLayoutEffect, useRef, useState } from "preact/hooks";

const Closing = createContext(() => {});
const STEPS: Record<string, (at: number, count: number) => number> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** A button with a menu. It closes when something was chosen and on Escape, and the focus is at its button again; also when the reader goes elsewhere. */
export function Menu({ label, face, children, up = false }: { label: string; face: ComponentChildren; children: ComponentChildren; up?: boolean }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const choices = () => [...root.current!.querySelectorAll<HTMLElement>("[role=menuitem]")].filter((it) => it.checkVisibility());
  useLayoutEffect(() => {
    if (!open) return;
    fit(root.current!);
    choices()[0]?.focus();
    const elsewhere = (event: Event) => root.current!.contains(event.target as Node) || setOpen(false);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);
  const close = () => (setOpen(false), root.current!.querySelector("button")!.focus());
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && open) (event.stopPropagation(), close());
    const step = STEPS[event.key];
    if (!open || !step) return;
    event.preventDefault();
    const all = choices();
    all[step(all.indexOf(document.activeElement as HTMLElement), all.length)]?.focus();
  };
  const onLeave = ({ relatedTarget }: FocusEvent) => relatedTarget && !root.current!.contains(relatedTarget as Node) && setOpen(false);
  return (
    <div class="menu" ref={root} onKeyDown={onKey} onFocusOut={onLeave}>
      <button type="button" class="icon" aria-label={label} title={label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>{face}</button>
      {open && <div class={`sheet ${up ? "up" : ""}`} role="menu" aria-label={label}><Closing.Provider value={close}>{children}</Closing.Provider></div>}
    </div>
  );
}

/** Where the list that a menu is in ends below it, it opens upwards; without room there, either, the list is scrolled. */
function fit(menu: HTMLElement): void {
  const sheet = menu.querySelector(".sheet")!;
  const [list, below] = [menu.closest("nav")?.getBoundingClientRect(), sheet.getBoundingClientRect()];
  if (!list || below.bottom <= list.bottom) return;
  if (menu.getBoundingClientRect().top - below.height > list.top) sheet.classList.add("up");
  else sheet.scrollIntoView({ block: "nearest" });
}

export function Choice({ children, onClick, on, kind = "" }: { children: ComponentChildren; onClick: () => void; on?: boolean; kind?: "bad" | "narrow" | "" }) {
  const close = useContext(Closing);
  const choose = () => (close(), onClick()); // in this order: what it opens gives the focus back to the menu's button
  return <button type="button" role="menuitem" class={kind} aria-current={on ? "true" : undefined} onClick={choose}>{children}</button>;
}
