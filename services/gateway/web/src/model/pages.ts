/** Pages of a chat's history: put beside what is known, and let go where the reader is far away. */
import { failedFromRow, fromRow, switchFromRow } from "./messages";
import type { Gap, Message, Note, Row, State } from "./types";

/** What the reader has before them: the seqs of the first and the last message in the page. Null: the newest. */
export type Place = { first: number; last: number } | null;

const KEPT = 800; // messages of a chat that are loaded before some are let go
const NEAR = 200; // kept on either side of what is in the page
const NEWEST = 50; // kept in any case: what happens is folded into them

/** Where the next page begins: before the first message that is loaded, or after the last one above the gap. */
export function edge(state: State, chat: string, up: boolean): number | undefined {
  if (!up) return state.gaps.get(chat)?.after;
  if (!state.older.has(chat)) return undefined;
  const oldest = said(state, chat).find((it) => it.state !== "failed");
  return oldest?.seq;
}

/** Puts a page in its place; `from` is the `edge` it was asked for at. One that does not fit there any more changes nothing. */
export function addPage(state: State, chat: string, page: Row, up: boolean, from: number | undefined): State {
  if (from !== edge(state, chat, up)) return state;
  const rows: Row[] = page["messages"];
  const known = { ...state, messages: joined(state, [...rows.map(fromRow), ...(page["failed"] ?? []).map(failedFromRow)]), notes: noted(state, page) };
  if (up) return { ...known, older: new Map(state.older).set(chat, page["more"]) };
  const [gap, last] = [state.gaps.get(chat)!, rows.at(-1)?.["seq"] ?? Infinity];
  const closed = !page["more"] || last >= gap.before;
  return { ...known, gaps: gapped(state, chat, closed ? null : { ...gap, after: last }) };
}

/** The messages of a page as they are now, where a stale copy of them may be known. */
export function refreshed(state: State, rows: Row[]): State {
  return { ...state, messages: joined(state, rows.map(fromRow).filter(({ id }) => state.messages.has(id))) };
}

/** Without what lies between the reader and the newest messages: they are at the newest. */
export function atNewest(state: State, chat: string): State {
  const gap = state.gaps.get(chat);
  return gap ? without(state, chat, (seq) => seq <= gap.after, { gap: null, older: true }) : state;
}

/** Without what is far from the reader, if that is much. */
export function letGo(state: State, chat: string, place: Place): State {
  if (state.messages.size <= KEPT) return state;
  for (const other of state.chats.keys()) if (other !== chat) state = newestOnly(state, other);
  const all = said(state, chat);
  if (all.length <= KEPT) return state;
  const [count, gap] = [all.length, state.gaps.get(chat)];
  const index = (seq: number) => {
    const found = all.findIndex((it) => it.seq >= seq);
    return found < 0 ? count : found;
  };
  const above = gap ? index(gap.before) : count; // what is loaded above the gap
  const first = Math.max(0, (place ? index(place.first) : count) - NEAR);
  const end = place ? Math.min(index(place.last) + 1 + NEAR, above) : above;
  const tail = Math.max(count - NEWEST, end, gap ? above : 0);
  const opened = tail > end || gap ? { after: all[end - 1]!.seq, before: all[tail]!.seq } : null;
  const [from, to] = [all[first]!.seq, opened ? opened.after : Infinity];
  const lost = (seq: number) => seq < from || (seq > to && seq < opened!.before);
  return without(state, chat, lost, { gap: opened, older: first > 0 || undefined });
}

/** With what the reader has before them of what was known before; it is to be read again soon. `newest`: where the fresh
 * messages begin. */
export function withWindow(fresh: State, before: State, chat: string, place: NonNullable<Place>, newest: number): State {
  const inside = (it: { chat: string; seq: number }) => it.chat === chat && it.seq >= place.first && it.seq <= place.last && it.seq < newest;
  const kept = said(before, chat).filter(inside);
  if (!kept.length) return fresh;
  return {
    ...fresh,
    messages: new Map([...fresh.messages, ...kept.map((it): [string, Message] => [it.id, it])]),
    notes: new Map([...[...before.notes].filter(([, it]) => inside(it)), ...fresh.notes]),
    gaps: place.last < newest ? gapped(fresh, chat, { after: kept.at(-1)!.seq, before: newest }) : fresh.gaps,
    older: new Map(fresh.older).set(chat, true),
  };
}

function newestOnly(state: State, chat: string): State {
  const from = said(state, chat).at(-NEWEST - 1)?.seq;
  return from === undefined ? state : without(state, chat, (seq) => seq <= from, { gap: null, older: state.older.has(chat) || undefined });
}

/** The messages of a chat that are in the log, in order. */
function said(state: State, chat: string): Message[] {
  const all = [...state.messages.values()].filter((it) => it.chat === chat && Number.isFinite(it.seq));
  return all.sort((a, b) => a.seq - b.seq);
}

function joined(state: State, loaded: Message[]): ReadonlyMap<string, Message> {
  const messages = new Map(state.messages);
  for (const it of loaded) if (!(messages.get(it.id)?.changed! > it.changed)) messages.set(it.id, it);
  return messages;
}

export function noted(state: State, page: Row): ReadonlyMap<number, Note> {
  const rows: Row[] = page["switches"] ?? [];
  return rows.length ? new Map([...state.notes, ...rows.map((row): [number, Note] => [row["seq"], switchFromRow(row)])]) : state.notes;
}

function without(state: State, chat: string, lost: (seq: number) => boolean, now: { gap: Gap | null; older: true | undefined }): State {
  const stays = (it: { chat: string; seq: number }) => it.chat !== chat || !lost(it.seq);
  return {
    ...state,
    messages: new Map([...state.messages].filter(([, it]) => stays(it))),
    notes: new Map([...state.notes].filter(([, it]) => stays(it))),
    gaps: gapped(state, chat, now.gap),
    older: now.older ? new Map(state.older).set(chat, true) : state.older,
  };
}

function gapped(state: State, chat: string, gap: Gap | null): ReadonlyMap<string, Gap> {
  const gaps = new Map(state.gaps);
  if (gap) gaps.set(chat, gap);
  else gaps.delete(chat);
  return gaps;
}
