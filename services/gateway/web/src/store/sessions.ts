/** The list of sessions, as far down as the reader went: read again whenever the gateway says that it has changed. */
import { batch, signal } from "@preact/signals";
import type { Summary } from "../model/types";
import { ask, client } from "./link";

export const sessions = signal<readonly Summary[]>([]);
export const listed = signal(false); // whether it was read at all
export const goesOn = signal(false); // whether there are more than are shown
export const query = signal("");
export const withArchived = signal(false);
export const undoable = signal<Summary | null>(null); // deleted a moment ago
interface List {
  sessions: Summary[];
  cursor: string | null; // where the next page begins
}

const PAUSE_MS = 150;
const LIMIT = 200;
let timer = 0;
let asked = 0;
let pages = 1; // how many are shown

/** Reads the list, soon; several wishes are one reading. */
export function refresh(): void {
  timer ||= window.setTimeout(() => void read(), PAUSE_MS);
}

/** Other ones are looked for: their list begins at its beginning. */
export function look(): void {
  pages = 1;
  refresh();
}

/** Shows a page more. */
export function further(): void {
  pages++;
  refresh();
}

client.on("publication", refresh); // on user:<id>
client.on("connected", refresh);

async function read(): Promise<void> {
  timer = 0;
  const mine = ++asked;
  const request = { limit: LIMIT, query: query.value.trim() || undefined, include_archived: withArchived.value };
  const found = new Map<string, Summary>(); // by id: one that changes meanwhile may be on two pages
  let cursor: string | null = "";
  for (let page = 0; page < pages && cursor !== null; page++) {
    const answer: List | null = await ask<List>("session.list", { ...request, cursor: cursor || undefined }).catch(() => null);
    if (!answer || mine !== asked) return;
    for (const it of answer.sessions) if (!found.has(it.session_id)) found.set(it.session_id, it);
    cursor = answer.cursor;
  }
  batch(() => ((sessions.value = [...found.values()]), (goesOn.value = cursor !== null), (listed.value = true)));
}
