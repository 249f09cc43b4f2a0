import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { act, asking, fits, me, send } from "../store/actions";
import { keep, read } from "../store/kept";
import { ask } from "../store/link";
import { chat, past, problem, state } from "../store/opened";

const TYPING_EVERY_MS = 2000;
const COMPOSING = 229;
let typedAt = 0;

/** The focus is where one writes, except where that would bring up a keyboard over the screen. */
export function writeAgain(): void {
  if (matchMedia("(hover: hover)").matches) requestAnimationFrame(() => document.getElementById("text")?.focus());
}

/** Enter, and not the one that ends the composition of a word: Safari tells that one by its code only. */
export function isEnter(event: KeyboardEvent): boolean {
  return event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== COMPOSING;
}

/** Where one writes. What is not sent yet is kept for each session, also over a reload. */
export function Composer() {
  const box = useRef<HTMLTextAreaElement>(null);
  const here = state.value;
  const key = `antiphon.draft.${me.value!.user}.${here?.id ?? "new"}`;
  const keyNow = useRef(key);
  keyNow.current = key;
  useEffect(() => {
    box.current!.value = read(key) ?? "";
    if (matchMedia("(hover: hover)").matches) box.current!.focus();
  }, [key]);
  const running = here ? [...here.running.values()].filter((it) => it.chat === chat.value) : [];
  const submit = (event: Event) => {
    event.preventDefault();
    const content = box.current!.value.trim();
    if (!content || !fits(content)) return;
    box.current!.value = "";
    keep(keyNow.current, null);
    send(content);
  };
  const onKey = (event: KeyboardEvent) => {
    if (isEnter(event)) submit(event);
  };
  const onInput = () => {
    const { value } = box.current!;
    keep(keyNow.current, value || null);
    if (!here?.at || Date.now() - typedAt < TYPING_EVERY_MS) return;
    typedAt = Date.now();
    void ask("typing", { session_id: here.id, chat_id: chat.value }).catch(() => undefined); // a courtesy: never tried again
  };
  const readsOnly = here?.people.get(me.value!.user)?.role === "viewer";
  const closed = !!past.value || !!here?.deleted || readsOnly || !!(here && problem.value);
  const canFinalize = here?.chats.get(chat.value)?.type === "planning" && !running.some((it) => it.purpose === "finalize");
  const remember = (on: boolean) => ((asking.value = on), keep("antiphon.ask", on ? "yes" : "no"));
  return (
    <form id="composer" onSubmit={submit}>
      <textarea id="text" ref={box} rows={1} dir="auto" placeholder={t.value.writeHere} aria-label={t.value.message} disabled={closed} onKeyDown={onKey} onInput={onInput} />
      <label class="check"><input id="ask" type="checkbox" checked={asking.value} onChange={(event) => remember(event.currentTarget.checked)} /> {t.value.ask}</label>
      <div class="row end">
        {canFinalize && <button type="button" class="quiet" disabled={closed} onClick={() => void act("plan.finalize", { chat_id: chat.value })}>{t.value.finalize}</button>}
        {running.length > 0 && !closed && (
          <button type="button" id="stop" class="quiet" onClick={() => running.forEach((it) => void act("reply.cancel", { reply_id: it.id }))}>■ {t.value.stop}</button>
        )}
        <button id="send" disabled={closed}>{t.value.send}</button>
      </div>
    </form>
  );
}
