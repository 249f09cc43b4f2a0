import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { clock, t } from "../i18n";
import type { Row } from "../model/types";
import { atNewest } from "../model/pages";
import { empty, load } from "../model/snapshot";
import { refused } from "../store/actions";
import { ask } from "../store/link";
import { chat, chatId, past, state } from "../store/opened";
import { writeAgain } from "./Composer";

let wanted = 0; // the position asked for last
let asking = false;

/** Begins to look back: at the session as it is now. */
export function lookBack(): void {
  if (state.value) past.value = { ...atNewest(state.value, chat.value), running: new Map() };
}

/** A slider over every position of the session; what is above it is the session as it was there. */
export function Timeline() {
  const slider = useRef<HTMLInputElement>(null);
  const [now, then] = [state.value, past.value];
  useLayoutEffect(() => slider.current?.focus(), [!!then]);
  useEffect(() => void (past.value && go(past.value.at)), [chatId.value]);
  if (!now || !then) return null;
  const time = [...then.messages.values()].reduce((latest, it) => (it.seq <= then.at && it.time > latest ? it.time : latest), "");
  return (
    <div id="timeline" role="group" aria-label={t.value.timeline} onKeyDown={(event) => event.key === "Escape" && back()}>
      <input ref={slider} type="range" min={now.created} max={now.at} defaultValue={String(now.at)} aria-label={t.value.asItWas} aria-valuetext={`${t.value.event} ${then.at}`} onInput={(event) => go(+event.currentTarget.value)} />
      <span>{t.value.asItWas}: {t.value.event} {then.at}{time && ` · ${clock(time)}`}</span>
      <button type="button" class="quiet" onClick={back}>{t.value.backToNow}</button>
    </div>
  );
}

function back(): void {
  past.value = null;
  writeAgain();
}

/** Shows the session as of a position; while one is being read, only the newest wish is remembered. */
function go(seq: number): void {
  wanted = seq;
  if (!asking) void read();
}

async function read(): Promise<void> {
  asking = true;
  try {
    for (let done = ""; done !== `${wanted} ${chatId.value}` && past.value && state.value; ) {
      const [seq, session, shown] = [wanted, state.value.id, chatId.value];
      const snapshot = await ask<Row>("session.at", { session_id: session, seq, chat_id: shown || undefined });
      done = `${seq} ${shown}`;
      if (past.value && state.value?.id === session && chatId.value === shown) past.value = load(empty(session), snapshot);
    }
  } catch (error) {
    refused(error);
  } finally {
    asking = false;
  }
}
