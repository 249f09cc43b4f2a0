import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../i18n";

type Question = { title: string; value: string; readOnly?: boolean; done: (text: string) => void };
type Doubt = { title: string; does: string; done: () => void };
export const question = signal<Question | null>(null);
const doubt = signal<Doubt | null>(null);

/** Asks for one line of text. */
export function ask(title: string, value: string, done: (text: string) => void): void {
  question.value = { title, value, done };
}

/** Asks whether to do what can't be undone; `does` says what that is. */
export function confirm(title: string, does: string, done: () => void): void {
  doubt.value = { title, does, done };
}

/** A dialog over the page; `close` is called however it is left, and the focus is where it was. */
export function Dialog({ title, close, children, wide }: { title: string; close: () => void; children: ComponentChildren; wide?: boolean }) {
  const root = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const [dialog, before] = [root.current!, document.activeElement as HTMLElement | null];
    dialog.showModal();
    return () => (dialog.close(), before?.focus());
  }, []);
  return (
    <dialog ref={root} class={wide ? "wide" : ""} aria-label={title} onCancel={(event) => (event.preventDefault(), close())} onClose={close} onClick={(event) => event.target === root.current && close()}>
      <div class="dialog">
        <header><h2>{title}</h2><button type="button" class="icon" aria-label={t.value.close} onClick={close}>✕</button></header>
        {children}
      </div>
    </dialog>
  );
}

export function DoubtDialog() {
  const asked = doubt.value;
  if (!asked) return null;
  const close = () => (doubt.value = null);
  return (
    <Dialog title={asked.title} close={close}>
      <div class="row end">
        <button type="button" class="quiet" autofocus onClick={close}>{t.value.cancel}</button>
        <button type="button" class="danger" onClick={() => (close(), asked.done())}>{asked.does}</button>
      </div>
    </Dialog>
  );
}

export function QuestionDialog() {
  const asked = question.value;
  if (!asked) return null;
  const close = () => (question.value = null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const text = new FormData(event.target as HTMLFormElement).get("answer") as string;
    close();
    if (text.trim()) asked.done(text.trim());
  };
  return (
    <Dialog title={asked.title} close={close}>
      <form onSubmit={submit}>
        <input name="answer" aria-label={asked.title} defaultValue={asked.value} readOnly={asked.readOnly} maxLength={asked.readOnly ? undefined : 200} onFocus={(event) => event.currentTarget.select()} autofocus />
        <div class="row end">
          <button type="button" class="quiet" onClick={close}>{asked.readOnly ? t.value.close : t.value.cancel}</button>
          {!asked.readOnly && <button>{t.value.save}</button>}
        </div>
      </form>
    </Dialog>
  );
}
