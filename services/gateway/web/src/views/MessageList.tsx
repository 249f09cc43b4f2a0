import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { message } from "../model/messages";
import type { Item, Message } from "../model/types";
import { me } from "../store/actions";
import { chat, loadPage, loading, past, place, shown, state, toNewest, visible } from "../store/opened";
import { waiting } from "../store/outbox";
import { PlanCard } from "./PlanCard";
import { MessageView, NoteView } from "./MessageView";
import { Seen } from "./Seen";
import { Scroller } from "./scroller";

const STEP = 40; // items that the window moves by
const WINDOW = 160; // items in the page at most
const AHEAD = 80; // items above or below the window: with fewer the next page is loaded
const MANY = 50; // new messages that are counted

/** The messages: a window of at most `WINDOW` of them, moved along as somebody scrolls, without a jump. */
export function MessageList() {
  const list = useRef<HTMLDivElement>(null);
  const scroller = useRef<Scroller | null>(null);
  const [pin, setPin] = useState<number | null>(null); // seq of the first item of the window; null: it follows the newest
  const [away, setAway] = useState(false);
  const [held, setHeld] = useState(""); // the message that has the focus, or something in it
  const left = useRef(0); // seq of what was the newest when the reader left it
  scroller.current?.look();
  const here = shown.value;
  const gap = !!here?.gaps.has(chat.value);
  const items: Item[] = [...(visible.value?.items ?? []), ...(past.value || gap ? [] : onTheirWay())];
  const latest = Math.max(0, items.length - WINDOW);
  const pinned = pin === null ? -1 : items.findIndex(({ seq }) => seq >= pin);
  const first = pinned < 0 ? latest : pinned;
  const last = Math.min(first + WINDOW, items.length);
  const whole = last === items.length && !gap;
  const older = !!here?.older.get(chat.value) && !past.value;
  const newest = visible.value?.newest?.seq ?? 0;

  const stay = (from: number) => {
    if (pin === null) left.current = newest;
    if (items[from]) setPin(items[from].seq);
  };
  const toLatest = () => {
    setPin(null);
    toNewest();
    scroller.current?.toEnd();
  };
  const moves = {
    move: (up: boolean) => {
      if (up && first > 0) stay(Math.max(0, first - STEP));
      else if (!up && last < items.length) stay(Math.min(first + STEP, latest));
      if (up && older && first < AHEAD) void loadPage(true);
      if (!up && gap && items.length - last < AHEAD) void loadPage(false);
    },
    follow: (follows: boolean) => {
      if (!follows && pin === null) stay(first);
      if (follows && pin !== null) setPin(null);
    },
    away: setAway,
  };
  const events = useRef(moves);
  events.current = moves;

  useEffect(() => {
    const one = (scroller.current = new Scroller(list.current!, () => events.current));
    return () => one.stop();
  }, []);
  useEffect(() => (setPin(null), scroller.current?.toEnd()), [here?.id, chat.value, past.value]);
  useEffect(() => {
    place.value = past.value || pin === null || !items.length ? null : { first: items[first]!.seq, last: items[last - 1]!.seq };
  }, [pin, first, last, items[last - 1]?.seq, past.value]);
  useLayoutEffect(() => scroller.current?.settle(whole));

  const fresh = pin === null ? 0 : unseen(left.current);
  const inPage = items.slice(first, last);
  const entry = inPage.some(({ id }) => id === held) ? held : inPage.filter(({ kind }) => kind === "message").at(-1)?.id;
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const from = event.target as HTMLElement;
    if (!step || !from.matches("article, .tools *")) return;
    const all = [...list.current!.querySelectorAll("article")];
    const to = all[all.indexOf(from.closest("article")!) + step];
    if (to) (event.preventDefault(), to.focus());
  };
  return (
    <div class="stage">
      <div id="scroll" ref={list} tabIndex={0} role="region" aria-label={t.value.messages}>
        <div id="messages" role="log" aria-live="off" aria-label={t.value.messages} onKeyDown={onKey} onFocusIn={(event) => setHeld((event.target as HTMLElement).closest("article")?.dataset["id"] ?? "")} onFocusOut={() => setHeld("")}>
          {(older || first > 0) && <p class="hint older">{loading.value ? t.value.loading : "⋯"}</p>}
          {inPage.map((it) => <Shown key={it.id} item={it} entry={it.id === entry} />)}
          {here && !past.value && whole && <Seen />}
        </div>
        {items.length === 0 && (!here || (here.older.has(chat.value) && !here.running.size)) && <Empty fresh={!here} />}
      </div>
      {(away || !whole || fresh > 0) && items.length > 0 && <button type="button" class="to-latest" onClick={toLatest}>↓ {fresh ? `${t.value.unseen}: ${fresh < MANY ? fresh : `${MANY}+`}` : t.value.toLatest}</button>}
      <p class="sr" aria-live="polite">{spoken(visible.value?.leaf)}</p>
    </div>
  );
}

/** How many messages of others have come after `seq`, of those that are loaded. */
function unseen(seq: number): number {
  let count = 0;
  for (const it of shown.value?.messages.values() ?? []) if (it.chat === chat.value && it.seq > seq && it.author !== me.value!.user && it.state === "posted") count++;
  return count;
}

function Shown({ item, entry }: { item: Item; entry: boolean }) {
  if (item.kind === "note") return <NoteView note={item} />;
  if (item.kind === "plan") return <PlanCard plan={item} />;
  const mine = item.role === "user" && item.author === me.value!.user;
  const owner = state.value?.owner === me.value!.user;
  return <MessageView item={item} mine={mine} owner={owner} beside={visible.value?.beside.get(item.id)} frozen={!!past.value} entry={entry} />;
}

function Empty({ fresh }: { fresh: boolean }) {
  return <div class="empty"><h3>{fresh ? t.value.start : t.value.nothingSaid}</h3>{fresh && <p>{t.value.startHint}</p>}</div>;
}

/** What was typed here and is not in the log, as messages. */
function onTheirWay(): Message[] {
  const [here, { user, name }] = [state.value, me.value!];
  if (!here) return [];
  const typed = waiting.value.filter((it) => it.method === "message.send" && it.session === here.id && !here.messages.has(it.id) && (!it.data["chat_id"] || it.data["chat_id"] === chat.value));
  return typed.map(({ id, time, data, refused }) =>
    message({ id, time, chat: chat.value, author: user, name, text: data["content"] as string, state: refused ? "refused" : "pending", note: refused ?? "" }),
  );
}

/** What a screen reader says: the newest message of somebody else, once it is whole. */
function spoken(last: Message | null | undefined): string {
  return last?.state === "posted" && last.author !== me.value!.user ? `${last.name}: ${last.text}` : "";
}
