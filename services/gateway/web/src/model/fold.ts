/** What an event, or a chunk of a reply, makes of a session's state. Pure: no DOM, no network, no clock. */
import { fromReply, message, planFrom, switchFromRow } from "./messages";
import type { Chunk, Envelope, Message, Row, State } from "./types";

type Fold = (state: State, event: Envelope, seq: number) => Partial<State>;

/** The state after the event at `seq`; one that is already in it changes nothing. */
export function fold(state: State, event: Envelope, seq: number): State {
  if (seq <= state.at) return state;
  return { ...state, at: seq, ...FOLDS[event.type.replace(/\.v\d+$/, "")]?.(state, event, seq) };
}

/** The state after a piece of a running reply: one already known changes nothing, a higher attempt starts the text again. */
export function chunk(state: State, { reply_id, chat_id, attempt, position, text }: Chunk): State {
  if (state.messages.has(reply_id)) return state;
  const known = state.running.get(reply_id) ?? asked(reply_id, chat_id, "", -1, "");
  const again = attempt > known.attempt;
  const have = again ? [] : Array.from(known.text);
  if (attempt < known.attempt || position > have.length || position + Array.from(text).length <= have.length) return state;
  const grown: Message = { ...known, attempt, state: "running", text: have.slice(0, position).join("") + text };
  return { ...state, running: put(state.running, reply_id, grown) };
}

const FOLDS: Record<string, Fold> = {
  "session.created": (state, { data, time }, seq) => ({
    title: data["title"] ?? "", kind: data["kind"] ?? "chat", owner: data["owner"] ?? "", created: seq, track: data["track"] ?? null,
    active: data["chat_id"],
    people: put(state.people, data["owner"], { user: data["owner"], name: data["owner_name"] || data["owner"], role: "owner", since: seq, joined: time }),
    chats: put(state.chats, data["chat_id"], { id: data["chat_id"], name: data["chat_name"] || (data["kind"] === "track" ? "Planning" : "Main Chat"), type: data["chat_type"] ?? (data["kind"] === "track" ? "planning" : "discussion"), agent: "", count: 0 }),
    older: put(state.older, data["chat_id"], false),
    running: data["reply_id"] ? put(state.running, data["reply_id"], asked(data["reply_id"], data["chat_id"], "", 0, "greet")) : state.running,
  }),
  "session.renamed": (_, { data }) => ({ title: data["title"] }),
  "session.archived": () => ({ archived: true }),
  "session.unarchived": () => ({ archived: false }),
  "session.deleted": () => ({ deleted: true }),
  "session.restored": () => ({ deleted: false }),
  "participant.joined": (state, { data, time }, seq) =>
    state.people.has(data["user"]) ? {} : { people: put(state.people, data["user"], { user: data["user"], name: data["name"] || data["user"], role: data["role"] ?? "member", since: seq, joined: time }) },
  "participant.left": gone,
  "participant.removed": gone,
  "participant.role_changed": (state, { data }) => {
    const person = state.people.get(data["user"]);
    return person ? { people: put(state.people, person.user, { ...person, role: data["role"] }) } : {};
  },
  "chat.created": (state, { data }) => ({
    chats: put(state.chats, data["chat_id"], { id: data["chat_id"], name: data["name"] ?? "", type: data["chat_type"] ?? "discussion", agent: "", count: 0 }),
    older: put(state.older, data["chat_id"], false),
  }),
  "chat.renamed": (state, { data }) => chatWith(state, data["chat_id"], { name: data["name"] }),
  "chat.activated": (_, { data }) => ({ active: data["chat_id"] }),
  "chat.configured": (state, { data }) => (data["ai_context"]?.agent ? chatWith(state, data["chat_id"], { agent: data["ai_context"].agent }) : {}),
  "agent.switched": (state, { data, time }, seq) => ({
    ...chatWith(state, data["chat_id"], { agent: data["agent"] }),
    notes: put(state.notes, seq, switchFromRow({ seq, time, chat_id: data["chat_id"], to: data["agent"], reason: data["reason"] })),
  }),
  "message.posted": (state, { id, time, actor, actorname, data }, seq) => {
    const author = { author: actor, name: actorname || state.people.get(actor)?.name || actor };
    const after = place(state, data["chat_id"], data["parent"]);
    const said = message({ id, time, seq, changed: seq, after, parent: data["parent"] ?? "", chat: data["chat_id"], role: data["role"] ?? "user", text: data["content"], model: data["model"] ?? "", ...author });
    const reply = data["reply_id"] as string | undefined;
    const running = reply && !state.running.has(reply) && !state.messages.has(reply) ? put(state.running, reply, asked(reply, said.chat, data["agent"] ?? "", seq, "answer", said.id)) : state.running;
    return { ...counted(state, said.chat), messages: put(state.messages, id, said), running };
  },
  "message.edited": (state, { data }, seq) => changed(state, data["message_id"], { text: data["content"], edited: true, changed: seq }),
  "message.redacted": (state, { data }, seq) => changed(state, data["message_id"], { text: "", state: "redacted", changed: seq }),
  "content.erased": (state, { data }, seq) => {
    const [seqs, ids] = [new Set<number>(data["seqs"]), new Set<string>(data["message_ids"])];
    const emptied = (it: Message): Message =>
      ids.has(it.id) ? { ...it, text: "", state: "erased", changed: seq } : it.state === "failed" && seqs.has(it.seq) ? { ...it, text: "", note: "" } : it;
    return {
      messages: new Map([...state.messages].map(([id, it]) => [id, emptied(it)])),
      notes: new Map([...state.notes].map(([at, it]) => [at, seqs.has(at) ? { ...it, reason: "" } : it])),
    };
  },
  "reply.requested": (state, { data }) => {
    const after = data["purpose"] === "finalize" ? -1 : data["parent"] ? place(state, data["chat_id"], data["parent"]) : 0;
    return { running: put(state.running, data["reply_id"], asked(data["reply_id"], data["chat_id"], data["agent"] ?? "", after, data["purpose"], data["parent"])) };
  },
  "reply.started": (state, { data, time }) => {
    const known = state.running.get(data["reply_id"]) ?? asked(data["reply_id"], data["chat_id"], "", -1, "");
    if (data["attempt"] < known.attempt) return {};
    const text = data["attempt"] > known.attempt ? "" : known.text;
    const begun: Message = { ...known, time, text, attempt: data["attempt"], state: "running", agent: data["agent"] || known.agent, model: data["model"] };
    return { running: put(state.running, begun.id, begun) };
  },
  "reply.completed": (state, event, seq) => {
    const { reply_id, chat_id, parent, content } = event.data;
    const running = without(state.running, reply_id);
    if (!content) return { running };
    const after = parent ? place(state, chat_id, parent) : (state.running.get(reply_id)?.after ?? -1);
    return { ...counted(state, chat_id), running, messages: put(state.messages, reply_id, fromReply(event, seq, after)) };
  },
  "reply.failed": (state, { data, time }, seq) => {
    const known = state.running.get(data["reply_id"]);
    const failed = message({ ...known, id: data["reply_id"], chat: data["chat_id"], role: "assistant", time, seq, changed: seq, text: data["partial"] ?? "", state: "failed", note: data["message"] });
    return { running: without(state.running, data["reply_id"]), messages: put(state.messages, failed.id, failed) };
  },
  "plan.finalized": (state, { data, time }, seq) => ({
    running: without(state.running, data["reply_id"]),
    plans: put(state.plans, data["chat_id"], planFrom(data, seq, time)),
  }),
  "receipt.read": (state, { data }) => ({ receipts: put(state.receipts, data["user"], data["up_to_seq"]) }),
};

function gone(state: State, { data }: Envelope): Partial<State> {
  return { people: without(state.people, data["user"]), receipts: without(state.receipts, data["user"]) };
}

/** Seq of the message that a new one follows: its parent, or the newest of its chat. */
function place(state: State, chat: string, parent?: string | null): number {
  if (parent === "root") return 0;
  if (parent) return state.messages.get(parent)?.seq ?? -1;
  let newest = state.older.has(chat) ? 0 : -1;
  for (const it of state.messages.values()) if (it.chat === chat && it.state !== "failed" && it.seq > newest) newest = it.seq;
  return newest;
}

function asked(id: string, chat: string, agent: string, after: number, purpose: string, parent?: string | null): Message {
  return message({ id, chat, role: "assistant", agent, after, purpose, parent: parent ?? "", state: "waiting" });
}

function changed(state: State, id: string, news: Partial<Message>): Partial<State> {
  const known = state.messages.get(id);
  return known ? { messages: put(state.messages, id, { ...known, ...news }) } : {};
}

function counted(state: State, chat: string): Partial<State> {
  return chatWith(state, chat, { count: (state.chats.get(chat)?.count ?? 0) + 1 });
}

function chatWith(state: State, id: string, news: Row): Partial<State> {
  const known = state.chats.get(id);
  return known ? { chats: put(state.chats, id, { ...known, ...news }) } : {};
}

function put<K, V>(map: ReadonlyMap<K, V>, key: K, value: V): ReadonlyMap<K, V> {
  return new Map(map).set(key, value);
}

function without<K, V>(map: ReadonlyMap<K, V>, key: K): ReadonlyMap<K, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}
