/** The list of sessions: read again whenever the gateway says that it has changed. */
import { batch, signal } from "@preact/signals";
import type { Summary } from "../model/types";
import { ask, client } from "./link";

export const sessions = signal<readonly Summary[]>([]);
export const listed = signal(false); // whether it was read at all
export const query = signal("");
export const withArchived = signal(false);
export const undoable = signal<Summary | null>(null); // deleted a moment ago
const PAUSE_MS = 150;
const LIMIT = 200;
let timer = 0;
let asked = 0;

/** Reads the list, soon; several wishes are one reading. */
export function refresh(): void {
  timer ||= window.setTimeout(() => void read(), PAUSE_MS);
}

client.on("publication", refresh); // on user:<id>
client.on("connected", refresh);

async function read(): Promise<void> {
  timer = 0;
  const mine = ++asked;
  const request = { limit: LIMIT, query: query.value.trim() || undefined, include_archived: withArchived.value };
  const answer = await ask<{ sessions: Summary[] }>("session.list", request).catch(() => null);
  if (answer && mine === asked) batch(() => ((sessions.value = answer.sessions), (listed.value = true)));
}
