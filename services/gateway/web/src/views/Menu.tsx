import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A button with a menu that closes when something was chosen, on Escape and on a click elsewhere. */
export function Menu({ label, face, children, up = false }: { label: string; face: ComponentChildren; children: ComponentChildren; up?: boolean }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    root.current!.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const elsewhere = (event: Event) => root.current!.contains(event.target as Node) || setOpen(false);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [open]);
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && open) (event.stopPropagation(), setOpen(false), root.current!.querySelector("button")!.focus());
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!open || !step) return;
    event.preventDefault();
    const all = [...root.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
    all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length]?.focus();
  };
  return (
    <div class="menu" ref={root} onKeyDown={onKey}>
      <button type="button" class="icon" aria-label={label} title={label} aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>{face}</button>
      {open && <div class={`sheet ${up ? "up" : ""}`} role="menu" onClick={() => setOpen(false)}>{children}</div>}
    </div>
  );
}

export function Choice({ children, onClick, on, bad }: { children: ComponentChildren; onClick: () => void; on?: boolean; bad?: boolean }) {
  return <button type="button" role="menuitem" class={bad ? "bad" : ""} aria-current={on ? "true" : undefined} onClick={onClick}>{children}</button>;
}
