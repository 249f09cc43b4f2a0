/** What is said in one session, folded from its snapshot, its events and the chunks of replies. No DOM, no network. */

const ASSISTANT = "Assistant";

export interface Envelope {
  id: string;
  type: string;
  time: string;
  actor: string;
  actorname?: string;
  data: Record<string, any>;
}

export interface Chunk {
  reply_id: string;
  attempt: number;
  position: number; // code points before this chunk
  text: string;
}

export interface Message {
  id: string;
  role: string;
  author: string;
  name: string;
  text: string;
  time: string;
  seq: number; // Infinity: not in the log yet, so it stands below everything that is
  state: "posted" | "pending" | "running" | "failed";
  note: string;
  attempt: number;
}

export interface Snapshot {
  at?: number;
  session?: { title?: string };
  participants?: { user: string; name?: string }[];
  messages?: Record<string, any>[];
  running?: Chunk[];
  degraded?: string[];
}

export class Conversation {
  title = "";
  degraded: string[] = [];
  position = 0;
  readonly people = new Map<string, string>();
  private readonly byId = new Map<string, Message>();

  constructor(readonly id: string) {}

  /** In the order of the log; what is on its way comes last. */
  get messages(): Message[] {
    return [...this.byId.values()].sort((a, b) => (a.seq === b.seq ? 0 : a.seq - b.seq));
  }

  /** Takes a snapshot: a whole one replaces what was known, one after a recovery has only the running replies. */
  load(snapshot: Snapshot): void {
    if (snapshot.messages) {
      for (const message of this.messages) if (message.state !== "pending") this.byId.delete(message.id);
      this.people.clear();
      for (const { user, name } of snapshot.participants ?? []) this.people.set(user, name || user);
      for (const row of snapshot.messages) {
        const author = row["author"] ?? row["actor"] ?? "";
        const name = row["role"] === "assistant" ? ASSISTANT : row["author_name"] || this.people.get(author) || author;
        const { id, role, content: text, time, seq } = row as { id: string; role: string } & Record<string, any>;
        this.put({ id, role, author, name, text, time, seq });
      }
    }
    if (snapshot.session) this.title = snapshot.session.title ?? "";
    this.degraded = snapshot.degraded ?? [];
    this.position = Math.max(this.position, snapshot.at ?? 0);
    for (const running of snapshot.running ?? []) this.chunk({ ...running, position: 0 });
  }

  /** Takes the event at `offset`. */
  apply({ id, type, time, actor, actorname, data }: Envelope, offset: number): void {
    this.position = offset;
    const person = { author: actor, name: actorname || this.people.get(actor) || actor, time, seq: offset };
    switch (type.replace(/\.v\d+$/, "")) {
      case "session.created":
        this.people.set(data["owner"], data["owner_name"] || data["owner"]);
        this.title = data["title"];
        break;
      case "session.renamed":
        this.title = data["title"];
        break;
      case "participant.joined":
        this.people.set(data["user"], data["name"] || data["user"]);
        break;
      case "participant.left":
      case "participant.removed":
        this.people.delete(data["user"]);
        break;
      case "message.posted":
        this.put({ ...person, id, role: data["role"] ?? "user", text: data["content"] });
        if (data["reply_id"]) this.reply(data["reply_id"]);
        break;
      case "message.edited":
      case "message.redacted": {
        const message = this.byId.get(data["message_id"]);
        if (message) Object.assign(message, { text: data["content"] ?? "", note: type.includes("redacted") ? "redacted" : "edited" });
        break;
      }
      case "reply.started":
        this.reply(data["reply_id"], data["attempt"]);
        break;
      case "reply.completed": {
        const { reply_id, content: text, model, usage, finish_reason } = data;
        if (!text) this.byId.delete(reply_id);
        else this.put({ ...person, id: reply_id, role: "assistant", name: ASSISTANT, text, note: spent(model, usage, finish_reason) });
        break;
      }
      case "reply.failed":
        this.put({ ...person, id: data["reply_id"], role: "assistant", name: ASSISTANT, text: "", state: "failed", note: data["message"] });
        break;
    }
  }

  /** Takes a piece of a running reply: one already known changes nothing, a higher attempt starts the text again. */
  chunk({ reply_id, attempt, position, text }: Chunk): void {
    const reply = this.reply(reply_id, attempt);
    const have = Array.from(reply.text);
    const isNews = position <= have.length && position + Array.from(text).length > have.length;
    if (reply.state === "running" && attempt === reply.attempt && isNews) {
      reply.text = have.slice(0, position).join("") + text;
    }
  }

  /** Shows a message before the log has it; the event with the same id takes its place. */
  pending(id: string, author: string, name: string, text: string): Message {
    return this.put({ id, author, name, text, role: "user", time: new Date().toISOString(), seq: Infinity, state: "pending" });
  }

  private reply(id: string, attempt = 0): Message {
    const known = this.byId.get(id);
    if (known && (known.state !== "running" || attempt <= known.attempt)) return known;
    const time = new Date().toISOString();
    return this.put({ id, role: "assistant", author: "", name: ASSISTANT, text: "", time, seq: Infinity, state: "running", attempt });
  }

  private put(message: Omit<Message, "state" | "note" | "attempt"> & Partial<Message>): Message {
    const whole: Message = { state: "posted", note: "", attempt: 0, ...message };
    this.byId.set(whole.id, whole);
    return whole;
  }
}

function spent(model: string, usage: { input_tokens?: number; output_tokens?: number } = {}, finish = "stop"): string {
  const tokens = `${(usage.input_tokens ?? 0) + (usage.output_tokens ?? 0)} tokens`;
  return [model, tokens, finish === "stop" ? "" : finish].filter(Boolean).join(" · ");
}
