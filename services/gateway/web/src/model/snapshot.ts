/** A session's state from a snapshot. */
import { begins, failedFromRow, fromRow, message, planFrom } from "./messages";
import { type Place, noted, withWindow } from "./pages";
import type { Chat, Message, Person, Row, State } from "./types";

export function empty(id: string): State {
  return {
    id, title: "", kind: "chat", owner: "", archived: false, deleted: false, created: 0, at: 0, track: null,
    people: new Map(), chats: new Map(), active: "", messages: new Map(), gaps: new Map(), running: new Map(), notes: new Map(), plans: new Map(),
    receipts: new Map(), older: new Map(),
  };
}

/** Takes a snapshot: a whole one replaces what was known, but for what the reader has before them in a chat; one after
 * a recovery has only the running replies. */
export function load(state: State, snapshot: Row, on = "", place: Place = null): State {
  const running = withRunning(snapshot["messages"] ? new Map() : state.running, snapshot["running"] ?? []);
  if (!snapshot["messages"]) return { ...state, running };
  const session: Row = snapshot["session"] ?? {};
  const said: Message[] = [...snapshot["messages"].map(fromRow), ...(snapshot["failed"] ?? []).map(failedFromRow)];
  const active = snapshot["active_chat"] ?? "";
  const fresh: State = {
    ...empty(state.id),
    title: session["title"] ?? "",
    kind: session["kind"] ?? "chat",
    owner: session["owner"] ?? "",
    archived: !!session["archived_at"],
    deleted: !!session["deleted_at"],
    created: (snapshot["participants"] ?? []).find((it: Row) => it["role"] === "owner")?.["since_seq"] ?? 1,
    at: snapshot["at"] ?? 0,
    track: snapshot["track"] ?? null,
    people: new Map((snapshot["participants"] ?? []).map((it: Row) => [it["user"], person(it)])),
    chats: new Map((snapshot["chats"] ?? []).map((it: Row) => [it["chat_id"], chat(it)])),
    active,
    messages: new Map(said.map((it) => [it.id, it])),
    running,
    notes: noted(empty(state.id), snapshot),
    plans: new Map((snapshot["plans"] ?? []).map((it: Row) => [it["chat_id"], planFrom(it, it["seq"], it["time"])])),
    receipts: new Map((snapshot["receipts"] ?? []).map((it: Row) => [it["user"], it["up_to_seq"]])),
    older: new Map([[active, !!snapshot["more"]]]),
  };
  return place && on === active && snapshot["more"] ? withWindow(fresh, state, on, place, said[0]?.seq ?? 0) : fresh;
}

function person(row: Row): Person {
  return { user: row["user"], name: row["name"] || row["user"], role: row["role"], since: row["since_seq"] ?? 0, joined: row["joined_at"] ?? "" };
}

function chat(row: Row): Chat {
  const { chat_id: id, name = "", chat_type: type = "", agent, message_count: count = 0 } = row;
  return { id, name, type, agent: agent ?? row["ai_context"]?.agent ?? "", count };
}

function withRunning(known: ReadonlyMap<string, Message>, rows: Row[]): ReadonlyMap<string, Message> {
  const running = new Map(known);
  for (const row of rows) {
    const before = running.get(row["reply_id"]);
    if (before && (before.attempt > row["attempt"] || (before.attempt === row["attempt"] && before.text.length > row["text"].length))) continue;
    const facts = { attempt: row["attempt"], text: row["text"] ?? "", state: row["attempt"] ? ("running" as const) : ("waiting" as const), purpose: row["purpose"] ?? "", parent: row["parent"] ?? "" };
    const fresh = { id: row["reply_id"], chat: row["chat_id"], role: "assistant", agent: row["agent"] ?? "", after: begins(row["purpose"], row["parent"]), time: new Date().toISOString() };
    running.set(row["reply_id"], before ? { ...before, time: before.time || fresh.time, ...facts } : message({ ...fresh, ...facts }));
  }
  return running;
}
