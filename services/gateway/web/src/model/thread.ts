/** Which messages are shown: of those that stand beside each other one, and what follows it. Nothing else is ever hidden. */
import type { Item, Message, Note, State } from "./types";

export interface Beside {
  ids: string[]; // all that stand in one place, oldest first
  place: number;
}

export interface Thread {
  items: Item[];
  beside: ReadonlyMap<string, Beside>;
  leaf: Message | null; // the last one in the log
  newest: Message | null; // also among the hidden ones
}

/** The thread of a chat. `chosen` are messages somebody stepped to; elsewhere the newest of its place is shown. A reply that
 * failed takes nobody's place: it is told until there is a newer one. */
export function thread(state: State, chat: string, chosen: ReadonlySet<string>): Thread {
  const all = [...state.messages.values(), ...state.running.values()].filter((it) => it.chat === chat);
  all.sort((a, b) => (a.seq === b.seq ? 0 : a.seq - b.seq));
  const places = new Map<string, Message[]>();
  const follows = (it: Message) => (it.parent === "root" ? 0 : (state.messages.get(it.parent)?.seq ?? it.after));
  const key = (it: Message) => `${follows(it)} ${it.role} ${follows(it) === 0 && it.role === "assistant" ? it.purpose : ""}`;
  for (const it of all) if (follows(it) >= 0) places.set(key(it), [...(places.get(key(it)) ?? []), it]);
  const hidden = new Set<number>();
  const beside = new Map<string, Beside>();
  const items: Item[] = [];
  for (const it of all) {
    const there = follows(it) >= 0 ? places.get(key(it))! : [it];
    const group = there.filter(({ state }) => state !== "failed");
    const shown = it.state === "failed" ? there.at(-1) : (group.find(({ id }) => chosen.has(id)) ?? group.at(-1));
    if (hidden.has(follows(it)) || shown !== it) {
      if (Number.isFinite(it.seq)) hidden.add(it.seq);
      continue;
    }
    if (group.length > 1 && group.includes(it)) beside.set(it.id, { ids: group.map(({ id }) => id), place: group.indexOf(it) });
    items.push(it);
  }
  const posted = (it: Item): it is Message => it.kind === "message" && it.state !== "failed" && Number.isFinite(it.seq);
  const leaf = items.filter(posted).at(-1) ?? null;
  const first = state.older.get(chat) ? (items[0]?.seq ?? Infinity) : 0;
  const extras = [...state.notes.values(), ...state.plans.values(), ...arrivals(state)].filter((it) => (it.chat === chat || !it.chat) && it.seq >= first);
  const merged = extras.length ? [...items, ...extras].sort((a, b) => (a.seq === b.seq ? 0 : a.seq - b.seq)) : items;
  const gap = state.gaps.get(chat);
  const here = gap ? merged.filter(({ seq }) => seq <= gap.after) : merged;
  return { items: here, beside, leaf, newest: all.filter(posted).at(-1) ?? null };
}

/** Where those who are in it came in. */
function arrivals(state: State): Note[] {
  const later = [...state.people.values()].filter(({ since }) => since > state.created);
  return later.map(({ user, name, since: seq, joined: time }) => ({ kind: "note", id: `joined-${user}`, what: "joined", chat: "", seq, time, name, reason: "" }));
}
