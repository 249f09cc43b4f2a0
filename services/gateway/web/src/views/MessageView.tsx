import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { clock, t } from "../i18n";
import type { Beside } from "../model/thread";
import type { Message, Note } from "../model/types";
import { act, answerAgain, fits, me, pick, sayAnew, words } from "../store/actions";
import { keep, read } from "../store/kept";
import { discard, retry } from "../store/outbox";
import { titleOf } from "./Agents";
import { isEnter } from "./Composer";
import { copy } from "./copying";
import { confirm } from "./Dialog";
import { Markdown } from "./Markdown";
import { memo } from "./memo";

type How = "edit" | "anew";

/** What somebody was making of a message, kept over a reload and while it is far from the screen. */
interface Draft {
  how: How;
  text: string;
  seen: number; // when the wording that the writer knows last changed
  first: string; // that wording
}

interface Properties {
  item: Message;
  mine: boolean;
  owner: boolean;
  frozen: boolean; // of the past: nothing can be done to it
  entry: boolean; // the one that Tab leads to; the arrows lead from one to the next
  beside?: Beside | undefined;
}

export const MessageView = memo(({ item, mine, owner, frozen, entry, beside }: Properties) => {
  const key = `antiphon.edit.${me.value!.user}.${item.id}`;
  const [left, setLeft] = useState(() => (mine && !frozen ? begun(key, item) : null));
  const [editing, setEditing] = useState<How | "">(left?.how ?? "");
  const root = useRef<HTMLElement>(null);
  const close = () => (keep(key, null), setLeft(null), setEditing(""), root.current?.focus());
  const name = mine ? t.value.you : item.role === "assistant" ? titleOf(item.agent) || t.value.assistant : item.name;
  const settled = item.state === "posted" && !frozen;
  const isAssistant = item.role === "assistant";
  const reached = entry ? 0 : -1;
  const tool = (words: string, does: () => void) => <button type="button" tabIndex={reached} onClick={does}>{words}</button>;
  return (
    <article ref={root} tabIndex={reached} class={`message ${item.role} ${item.state}${mine ? " mine" : ""}`} data-id={item.id} aria-label={name} aria-busy={item.state === "running"}>
      <div class="who"><b>{name}</b>{item.state !== "waiting" && item.time && <time dateTime={item.time}>{clock(item.time)}</time>}{item.edited && <span>{t.value.edited}</span>}</div>
      {editing ? <Editor item={item} how={editing} left={left} save={(draft) => keep(key, JSON.stringify(draft))} close={close} /> : <Said item={item} />}
      <Facts item={item} />
      {!editing && (settled || item.state === "failed") && (
        <div class="tools" role="toolbar" aria-label={t.value.tools}>
          {beside && <Steps beside={beside} reached={reached} />}
          {item.text && tool(t.value.copy, () => void copy(item.text))}
          {isAssistant && (settled ? item.tokens > 0 : !frozen && item.purpose !== "finalize") && tool(t.value.again, () => answerAgain(item))}
          {mine && settled && tool(t.value.edit, () => setEditing("edit"))}
          {mine && settled && tool(t.value.sayAnew, () => setEditing("anew"))}
          {(mine || owner) && settled && tool(t.value.redact, () => confirm(t.value.redactSure, t.value.redact, () => void act("message.redact", { message_id: item.id })))}
        </div>
      )}
    </article>
  );
});

function Said({ item }: { item: Message }) {
  if (item.state === "redacted" || item.state === "erased") return <div class="text gone">{t.value[item.state]}</div>;
  if (!item.text && (item.state === "waiting" || item.state === "running")) {
    const doing = item.purpose === "finalize" ? t.value.planning : item.state === "waiting" ? t.value.waiting : t.value.thinking;
    return <div class="text doing"><span class="dots" aria-hidden="true"><i /><i /><i /></span> {doing}</div>;
  }
  return item.text ? <Markdown text={item.text} /> : null;
}

function Facts({ item }: { item: Message }) {
  if (item.state === "pending") return <div class="note">{navigator.onLine ? t.value.pending : t.value.sendLater}</div>;
  if (item.state === "failed") return <div class="note bad" role="alert">{t.value.failed}: {item.note}</div>;
  if (item.state === "refused") {
    const [code, ...message] = item.note.split(" ");
    return (
      <div class="note bad" role="alert">{t.value.refused}: {words({ code: +code!, message: message.join(" ") })}{" "}
        <button type="button" class="link" onClick={() => void retry(item.id)}>{t.value.retry}</button>{" "}
        <button type="button" class="link" onClick={() => void discard(item.id)}>{t.value.discard}</button>
      </div>
    );
  }
  const cost = item.cost ? `$${item.cost.toFixed(item.cost < 0.01 ? 4 : 2)}` : "";
  const facts = [item.model, item.tokens && `${item.tokens} ${t.value.tokens}`, cost, item.finish === "cancelled" && t.value.stopped].filter(Boolean);
  return facts.length && item.role === "assistant" && item.state === "posted" ? <div class="note">{facts.join(" · ")}</div> : null;
}

function Steps({ beside: { ids, place }, reached }: { beside: Beside; reached: number }) {
  const to = (step: number) => pick(ids, ids[place + step]!);
  return (
    <span class="steps">
      <button type="button" tabIndex={reached} aria-label={t.value.previous} disabled={place === 0} onClick={() => to(-1)}>‹</button>
      {place + 1}/{ids.length}
      <button type="button" tabIndex={reached} aria-label={t.value.next} disabled={place === ids.length - 1} onClick={() => to(1)}>›</button>
    </span>
  );
}

/** What an earlier visit left of an edit that has not been made since. */
function begun(key: string, item: Message): Draft | null {
  const kept = read(key);
  const draft = kept ? (JSON.parse(kept) as Draft) : null;
  return item.state === "posted" && draft?.text !== item.text ? draft : null;
}

function Editor({ item, how, left, save, close }: { item: Message; how: How; left: Draft | null; save: (draft: Draft) => void; close: () => void }) {
  const [busy, setBusy] = useState(false);
  const [start] = useState(left ?? { how, text: item.text, seen: item.changed, first: item.text });
  const [seen, setSeen] = useState(start.seen); // the wording that the writer knows
  const box = useRef<HTMLTextAreaElement>(null);
  const current = useRef(item.changed);
  current.current = item.changed;
  useLayoutEffect(() => void (start !== left && box.current!.focus()), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const content = (new FormData((event.target as HTMLElement).closest("form")!).get("content") as string).trim();
    if (busy || !fits(content)) return;
    if (!content || (how === "edit" && content === item.text)) return close();
    if (how === "anew") return close(), sayAnew(item, content);
    setBusy(true);
    const done = await act("message.edit", { message_id: item.id, content, expected_seq: seen });
    if (done) close();
    else (setBusy(false), setSeen(current.current)); // what was written stays
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    if (isEnter(event)) void submit(event);
  };
  return (
    <form class="editor" aria-busy={busy} onSubmit={(event) => void submit(event)}>
      {!busy && item.text !== start.first && <Said item={item} />}
      <textarea name="content" readOnly={busy} aria-label={t.value.edit} defaultValue={start.text} dir="auto" onKeyDown={onKey} onInput={() => save({ ...start, seen, text: box.current!.value })} ref={box} />
      <div class="row end"><button type="button" class="quiet" onClick={close}>{t.value.cancel}</button><button disabled={busy}>{how === "anew" ? t.value.send : t.value.save}</button></div>
    </form>
  );
}

export function NoteView({ note }: { note: Note }) {
  const name = note.what === "switched" ? titleOf(note.name) : note.name;
  return <p class="hint event" data-id={note.id}>{name} {t.value[note.what]}{note.reason && `: ${note.reason}`} · {clock(note.time)}</p>;
}
