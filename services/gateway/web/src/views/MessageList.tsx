import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { message } from "../model/messages";
import type { Item, Message } from "../model/types";
import { me } from "../store/actions";
import { chat, loadOlder, loadingOlder, past, shown, state, visible } from "../store/opened";
import { waiting } from "../store/outbox";
import { PlanCard } from "./PlanCard";
import { MessageView, NoteView } from "./MessageView";
import { Seen } from "./Seen";
import { Scroller } from "./scroller";

const STEP = 40; // items that the window moves by
const WINDOW = 160; // items in the page at most

/** The messages: a window of at most `WINDOW` of them, moved along as somebody scrolls, without a jump. */
export function MessageList() {
  const list = useRef<HTMLDivElement>(null);
  const scroller = useRef<Scroller | null>(null);
  const [lastId, setLastId] = useState(""); // the last item of the window; empty: it follows the newest
  const [away, setAway] = useState(false);
  const here = shown.value;
  const items: Item[] = [...(visible.value?.items ?? []), ...(past.value ? [] : onTheirWay())];
  const last = (lastId && items.findIndex(({ id }) => id === lastId) + 1) || items.length;
  const first = Math.max(0, last - WINDOW);
  const older = !!here?.older.get(chat.value) && !past.value;
  const move = useRef<(up: boolean) => void>(() => undefined);
  move.current = (up) => {
    if (up && first > 0) setLastId(items[Math.max(WINDOW, last - STEP) - 1]!.id);
    else if (up && older) void loadOlder();
    else if (!up && last < items.length) setLastId(items[last + STEP - 1]?.id ?? "");
  };

  useEffect(() => {
    const one = (scroller.current = new Scroller(list.current!, (up) => move.current(up), setAway));
    return () => one.stop();
  }, []);
  useEffect(() => (setLastId(""), scroller.current?.toEnd()), [here?.id, chat.value, past.value]);
  useLayoutEffect(() => scroller.current?.settle(!lastId));

  const toLatest = () => (setLastId(""), scroller.current?.toEnd());
  return (
    <div class="stage">
      <div id="scroll" ref={list} tabIndex={0} role="region" aria-label={t.value.messages}>
        <div id="messages" role="log" aria-live="off">
          {(older || first > 0) && <p class="hint older">{loadingOlder.value ? t.value.loading : "⋯"}</p>}
          {items.slice(first, last).map((it) => <Shown key={it.id} item={it} />)}
          {here && !past.value && last === items.length && <Seen />}
        </div>
        {items.length === 0 && (!here || (here.older.has(chat.value) && !here.running.size)) && <Empty fresh={!here} />}
      </div>
      {(away || lastId) && <button type="button" class="to-latest" onClick={toLatest}>↓ {t.value.toLatest}</button>}
      <p class="sr" aria-live="polite">{spoken(items)}</p>
    </div>
  );
}

function Shown({ item }: { item: Item }) {
  if (item.kind === "note") return <NoteView note={item} />;
  if (item.kind === "plan") return <PlanCard plan={item} />;
  const mine = item.role === "user" && item.author === me.value!.user;
  const owner = state.value?.owner === me.value!.user;
  return <MessageView item={item} mine={mine} owner={owner} beside={visible.value?.beside.get(item.id)} frozen={!!past.value} />;
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
function spoken(items: Item[]): string {
  const last = items.at(-1);
  return last?.kind === "message" && last.state === "posted" && last.author !== me.value!.user ? `${last.name}: ${last.text}` : "";
}
