/** A session's state from a snapshot, and pages of older messages put before what is known. */
import { fromRow, message, planFrom } from "./messages";
import type { Chat, Message, Row, State } from "./types";

export function empty(id: string): State {
  return {
    id, title: "", kind: "chat", owner: "", archived: false, deleted: false, created: 0, at: 0, track: null, degraded: [],
    people: new Map(), chats: new Map(), active: "", messages: new Map(), running: new Map(), notes: [], plans: new Map(),
    receipts: new Map(), older: new Map(),
  };
}

/** Takes a snapshot: a whole one replaces what was known; one after a recovery has only the running replies. */
export function load(state: State, snapshot: Row): State {
  const running = withRunning(snapshot["messages"] ? new Map() : state.running, snapshot["running"] ?? []);
  const degraded = snapshot["degraded"] ?? state.degraded;
  if (!snapshot["messages"]) return { ...state, running, degraded };
  const session: Row = snapshot["session"] ?? {};
  const active = snapshot["active_chat"] ?? "";
  return {
    ...empty(state.id),
    title: session["title"] ?? "",
    kind: session["kind"] ?? "chat",
    owner: session["owner"] ?? "",
    archived: !!session["archived_at"],
    deleted: !!session["deleted_at"],
    created: session["seq"] ?? 1,
    at: snapshot["at"] ?? 0,
    track: snapshot["track"] ?? null,
    degraded,
    people: new Map((snapshot["participants"] ?? []).map((it: Row) => [it["user"], { user: it["user"], name: it["name"] || it["user"], role: it["role"] }])),
    chats: new Map((snapshot["chats"] ?? []).map((it: Row) => [it["chat_id"], chat(it)])),
    active,
    messages: new Map(snapshot["messages"].map((row: Row) => [row["id"], fromRow(row)])),
    running,
    notes: state.notes,
    plans: new Map((snapshot["plans"] ?? []).map((it: Row) => [it["chat_id"], planFrom(it, it["seq"], it["time"])])),
    receipts: new Map((snapshot["receipts"] ?? []).map((it: Row) => [it["user"], it["up_to_seq"]])),
    older: new Map([[active, !!snapshot["more"]]]),
  };
}

/** Puts a page of a chat's history beside what is known; of a message known twice the later version counts. */
export function addPage(state: State, chatId: string, rows: Row[], older: boolean): State {
  const messages = new Map<string, Message>();
  for (const row of rows) messages.set(row["id"], fromRow(row));
  for (const [id, known] of state.messages) {
    const loaded = messages.get(id);
    if (!loaded || known.changed >= loaded.changed) messages.set(id, known);
  }
  return { ...state, messages, older: new Map(state.older).set(chatId, older) };
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
    const facts = { attempt: row["attempt"], text: row["text"] ?? "", state: "running" as const, purpose: row["purpose"] ?? before?.purpose ?? "" };
    const fresh = { id: row["reply_id"], chat: row["chat_id"], role: "assistant", time: new Date().toISOString() };
    running.set(row["reply_id"], before ? { ...before, ...facts } : message({ ...fresh, ...facts }));
  }
  return running;
}
