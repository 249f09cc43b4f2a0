/** What a person can do. What is written goes through the outbox; the rest is asked for, and says so where it can't be. */
import { signal } from "@preact/signals";
import { uuid7 } from "../model/ids";
import { plain } from "../model/plain";
import type { Message, Row, Summary } from "../model/types";
import { t } from "../i18n";
import * as identity from "./identity";
import { read } from "./kept";
import { type Failure, ask, call, met } from "./link";
import { chat, chatId, chosen, close, follow, open, past, state, visible } from "./opened";
import * as outbox from "./outbox";
import { refresh, undoable } from "./sessions";

export const me = signal(identity.known());
export const asking = signal(read("antiphon.ask") !== "no");
export const toast = signal("");
const TITLE_CHARS = 60;
const MESSAGE_CHARS = 16_384; // code points, as the gateway counts
const SAID_MS = 4000;
const ALREADY_IN = 422; // the only rule that joining can break
let saying = 0;

/** Says something in passing. */
export function say(text: string): void {
  toast.value = text;
  clearTimeout(saying);
  saying = window.setTimeout(() => (toast.value = ""), SAID_MS);
}

export const refused = (error: unknown): void => say(words(error as Failure));

/** An error in a person's words. */
export function words({ code, message }: Failure): string {
  return t.value.errors[code] ?? message ?? t.value.errors[100]!;
}

/** Whether a text is short enough to be sent; says so where it is not. */
export function fits(content: string): boolean {
  const short = content.length <= MESSAGE_CHARS || Array.from(content).length <= MESSAGE_CHARS;
  if (!short) say(words({ code: 413, message: "" }));
  return short;
}

/** Sends what was typed; where no session is open, into a new one that is named after it. */
export function send(content: string, parent?: string): void {
  const time = new Date().toISOString();
  let session = state.value?.id;
  if (!session) {
    session = uuid7();
    const data = { session_id: session, title: Array.from(plain(content)).slice(0, TITLE_CHARS).join("") };
    create(session, data);
  }
  const { leaf = null, newest = null } = visible.value ?? {};
  const sequel = outbox.waiting.value.filter((it) => it.session === session && it.data["chat_id"] === chat.value && it.data["parent"] && !it.refused).at(-1);
  const follows = parent ?? (leaf && newest && leaf !== newest ? (sequel ?? leaf).id : undefined);
  const data = { session_id: session, chat_id: chat.value || undefined, content, reply: asking.value, parent: follows };
  void outbox.post({ id: uuid7(), method: "message.send", session, data, time }, me.value!.user);
}

/** Opens a new session, which is there at once and made as soon as can be. */
export function create(id: string, data: Row): void {
  open(id, false);
  void outbox.post({ id, method: "session.create", session: id, data, time: new Date().toISOString() }, me.value!.user);
}

/** What comes of a command of the outbox, of this visit or an earlier one: a new session is followed once it is there. */
export function decided({ method, session }: outbox.Command, failure: Failure | null): void {
  if (method !== "session.create") return;
  if (failure) return; // it is told until it was tried again or given up
  follow(session);
  refresh();
}

/** Gives up a session that was not made, with all that was said in it. */
export function giveUp({ id, session }: outbox.Command): void {
  if (state.value?.id === session) close();
  void outbox.discard(id);
}

/** Carries out a command of the session on the screen, under a new id. */
export async function act<T = Row>(method: string, data: Row = {}): Promise<T | null> {
  await met;
  try {
    return await call<T>(method, { id: uuid7(), session_id: state.value?.id, ...data });
  } catch (error) {
    refused(error);
    return null;
  }
}

/** Does it to a session of the list. */
export async function manage(method: string, session: Summary, data: Row = {}): Promise<void> {
  const done = await act(method, { session_id: session.session_id, ...data });
  if (!done) return;
  if (method === "session.delete") undoable.value = session;
  if (["session.delete", "session.leave"].includes(method) && state.value?.id === session.session_id) close();
  if (method === "session.restore") undoable.value = null;
  refresh();
}

/** Asks for another answer beside this one; where it failed, once more for one to what it was to answer. */
export function answerAgain(message: Message): void {
  pick([message.id], null);
  void act("reply.request", { chat_id: message.chat, message_id: message.state === "failed" ? message.parent || undefined : message.id });
}

/** Says it anew beside the message, with what follows it; both stay. */
export function sayAnew(message: Message, content: string): void {
  const before = [...(state.value?.messages.values() ?? [])].find((it) => it.seq === message.after && it.chat === message.chat);
  pick([message.id], null);
  send(content, message.after === 0 ? "root" : before?.id);
}

/** Shows another one of the messages that stand in one place; null: the newest. */
export function pick(ids: readonly string[], id: string | null): void {
  const rest = new Set([...chosen.value].filter((it) => !ids.includes(it)));
  if (id) rest.add(id);
  chosen.value = rest;
}

export async function newChat(): Promise<void> {
  const made = await act<{ chat_id: string }>("chat.create", { name: "" });
  if (made) await switchChat(made.chat_id);
}

export async function switchChat(id: string): Promise<void> {
  chatId.value = id;
  if (!past.value && state.value?.active !== id) void ask("chat.activate", { id: uuid7(), session_id: state.value?.id, chat_id: id }).catch(() => undefined);
}

export async function invite(): Promise<string> {
  const made = await act<{ invite: string }>("session.invite");
  return made ? `${location.origin}/#join=${made.invite}` : "";
}

/** Takes part by an invitation; the session it is for, or null. Who is in it already is there by the same address. */
async function join(token: string): Promise<string | null> {
  await met;
  try {
    return (await call<{ session_id: string }>("session.join", { id: uuid7(), invite: token })).session_id;
  } catch (error) {
    const { code } = error as Failure;
    if (code === ALREADY_IN) return token.split(".")[0]!;
    if (code === 410) say(t.value.inviteOver);
    else refused(error);
    return null;
  }
}

/** Goes where the address says: into a session, or into one by an invitation, which is taken out of the address once that is decided. */
export async function arrive(): Promise<void> {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const token = wanted.get("join");
  const id = token ? await join(token) : wanted.get("session");
  if (token && location.hash.includes(token)) history.replaceState(null, "", location.pathname);
  if (id) open(id, !outbox.waiting.value.some((it) => it.session === id && it.method === "session.create"));
  refresh();
}
