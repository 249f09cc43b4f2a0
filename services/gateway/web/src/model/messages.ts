/** Messages as they are shown: from a row of a list, from an event, or made here before the log has them. */
import type { Envelope, Message, Note, Plan, Row } from "./types";

const BLANK: Message = {
  kind: "message", id: "", chat: "", role: "user", author: "", name: "", text: "", time: "", seq: Infinity, changed: 0, after: -1, parent: "",
  state: "posted", edited: false, agent: "", model: "", finish: "", tokens: 0, cost: null, attempt: 0, purpose: "", note: "",
};

export function message(fields: Partial<Message>): Message {
  return { ...BLANK, ...fields };
}

/** A row of a snapshot or of a page. */
export function fromRow(row: Row): Message {
  return message({
    id: row["id"],
    chat: row["chat_id"],
    role: row["role"],
    author: row["author"] ?? "",
    name: row["author_name"] ?? "",
    text: row["content"] ?? "",
    time: row["time"],
    seq: row["seq"],
    changed: row["changed_seq"],
    after: row["after"] ?? -1,
    parent: row["parent"] ?? "",
    state: row["erased"] ? "erased" : row["redacted"] ? "redacted" : "posted",
    edited: !!row["edited_at"],
    agent: row["agent"] ?? "",
    ...spent(row["model"], row["finish_reason"], row["usage"], row["cost_usd"]),
  });
}

/** A reply that has failed: the row that a page has of it. */
export function failedFromRow(row: Row): Message {
  const { reply_id: id, chat_id: chat, seq, time, partial: text, message: note, purpose } = row;
  const facts = { id, chat, seq, time, text, note, purpose, changed: seq, role: "assistant", state: "failed" as const };
  return message({ ...facts, agent: row["agent"] ?? "", parent: row["parent"] ?? "", after: begins(purpose, row["parent"]) });
}

/** Where a reply stands that nothing is known of but what it was asked for: 0 begins the thread. */
export function begins(purpose: string, parent?: string | null): number {
  return parent || purpose === "finalize" ? -1 : 0;
}

/** One agent after another: the row that a page has of it. */
export function switchFromRow({ seq, time, chat_id: chat, to: name, reason }: Row): Note {
  return { kind: "note", id: `switch-${seq}`, what: "switched", chat, seq, time, name, reason: reason ?? "" };
}

/** The assistant's message that a `reply.completed` is. */
export function fromReply({ time, data }: Envelope, seq: number, after: number): Message {
  return message({
    id: data["reply_id"],
    chat: data["chat_id"],
    role: "assistant",
    author: data["agent"] ?? "",
    name: data["agent"] ?? "",
    agent: data["agent"] ?? "",
    text: data["content"] ?? "",
    time,
    seq,
    changed: seq,
    after,
    parent: data["parent"] ?? "",
    ...spent(data["model"], data["finish_reason"], data["usage"], data["usage"]?.cost_usd),
  });
}

export function planFrom(row: Row, seq: number, time: string): Plan {
  const { reply_id: id, chat_id: chat, title = "", summary = "", modules = [] } = row;
  return { kind: "plan", id, chat, seq, time, title, summary, modules };
}

function spent(model = "", finish = "", usage: Row | null = null, cost: number | null = null): Partial<Message> {
  return { model: model ?? "", finish: finish ?? "", tokens: (usage?.["input_tokens"] ?? 0) + (usage?.["output_tokens"] ?? 0), cost };
}
