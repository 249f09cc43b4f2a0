/** The shapes of what is shown. Events and rows come from the gateway; what is made of them here is plain, immutable data. */

export type Row = Record<string, any>;

export interface Envelope {
  id: string;
  type: string;
  time: string;
  actor: string;
  actorname?: string;
  data: Row;
}

export interface Chunk {
  reply_id: string;
  chat_id: string;
  attempt: number;
  position: number; // code points before this chunk
  text: string;
}

export interface Message {
  kind: "message";
  id: string;
  chat: string;
  role: string;
  author: string;
  name: string;
  text: string;
  time: string;
  seq: number; // Infinity: not in the log yet, so it stands below everything that is
  changed: number;
  after: number; // seq of the message before it in its thread; 0: it begins one; -1: not known here
  parent: string; // the message it is a sequel to, where it names one
  state: "posted" | "pending" | "refused" | "waiting" | "running" | "failed" | "redacted" | "erased";
  edited: boolean;
  agent: string;
  model: string;
  finish: string;
  tokens: number;
  cost: number | null;
  attempt: number;
  purpose: string;
  note: string;
}

export interface Note {
  kind: "note";
  id: string;
  chat: string;
  seq: number;
  time: string;
  what: "switched" | "joined";
  name: string;
  reason: string;
}

export interface PlanModule {
  title: string;
  description: string;
  hours: number;
  topics: string[];
}

export interface Plan {
  kind: "plan";
  id: string;
  chat: string;
  seq: number;
  time: string;
  title: string;
  summary: string;
  modules: PlanModule[];
}

export type Item = Message | Note | Plan;

export interface Person {
  user: string;
  name: string;
  role: string;
  since: number; // seq since when they are in it
  joined: string;
}

export interface Chat {
  id: string;
  name: string;
  type: string;
  agent: string;
  count: number;
}

/** Messages between these two seqs are not loaded: the reader is above them, and the newest ones are kept besides. */
export interface Gap {
  after: number;
  before: number;
}

export interface State {
  id: string;
  title: string;
  kind: string;
  owner: string;
  archived: boolean;
  deleted: boolean;
  created: number; // its first seq
  at: number;
  track: Row | null;
  people: ReadonlyMap<string, Person>;
  chats: ReadonlyMap<string, Chat>;
  active: string;
  messages: ReadonlyMap<string, Message>; // of each chat: from the newest back, without holes but for its gap
  gaps: ReadonlyMap<string, Gap>; // by chat
  running: ReadonlyMap<string, Message>; // replies that were asked for and have not ended
  notes: ReadonlyMap<number, Note>; // agents that followed others, by seq
  plans: ReadonlyMap<string, Plan>; // the newest of each chat
  receipts: ReadonlyMap<string, number>;
  older: ReadonlyMap<string, boolean>; // by chat: whether there is more before; absent: its messages were not loaded
}

export interface Summary {
  session_id: string;
  title: string;
  kind: string;
  owner: string;
  unread: number;
  archived_at: string | null;
  deleted_at: string | null;
  last_activity: string;
  last_message: { content: string; author_name: string; role: string } | null;
}
