/** The session on the screen: its state, folded from the subscription, and what belongs to the reader's view of it. */
import { batch, computed, effect, signal } from "@preact/signals";
import { type Subscription, SubscriptionState } from "centrifuge";
import { chunk, fold } from "../model/fold";
import { addPage, empty, load } from "../model/snapshot";
import { thread } from "../model/thread";
import type { Chunk, Envelope, Row, State } from "../model/types";
import { type Failure, call, client } from "./link";
import * as outbox from "./outbox";
import { refresh } from "./sessions";

const PAGE = 100;
export const state = signal<State | null>(null);
export const past = signal<State | null>(null); // the session as it was, while somebody looks back
export const chatId = signal(""); // the chat on the screen: at first the active one
export const chosen = signal<ReadonlySet<string>>(new Set());
export const problem = signal<Failure | null>(null); // why it can't be shown
export const present = signal<ReadonlySet<string>>(new Set()); // users who have it open, anywhere
export const typists = signal<ReadonlyMap<string, string>>(new Map()); // user -> chat
export const loadingOlder = signal(false);

export const shown = computed(() => past.value ?? state.value);
export const chat = computed(() => (shown.value?.chats.has(chatId.value) ? chatId.value : (shown.value?.active ?? "")));
export const visible = computed(() => (shown.value ? thread(shown.value, chat.value, chosen.value) : null));

let subscription: Subscription | null = null;
let queue: ((state: State) => State)[] = [];
const clients = new Map<string, string>(); // client -> user
const typing = new Map<string, number>();
const TYPING_MS = 4000;

/** Shows a session; `created` false: it is on its way into being, and is followed once it is. */
export function open(id: string, created = true): void {
  if (state.value?.id === id) return;
  close();
  batch(() => {
    state.value = empty(id);
    chatId.value = "";
    chosen.value = new Set();
  });
  history.replaceState(null, "", `#session=${id}`);
  if (created) follow(id);
}

/** Shows no session. */
export function close(): void {
  if (subscription) client.removeSubscription(subscription);
  subscription = null;
  queue = [];
  clients.clear();
  batch(() => {
    state.value = past.value = problem.value = null;
    present.value = new Set();
    typists.value = new Map();
  });
  if (location.hash) history.replaceState(null, "", location.pathname);
}

/** Subscribes to the session on the screen. */
export function follow(id: string): void {
  if (state.value?.id !== id || subscription) return;
  const here = (subscription = client.newSubscription(`session:${id}`, { recoverable: true, positioned: true, joinLeave: true }));
  here.on("subscribed", ({ data }) => {
    if (data) change((it) => load(it, data as Row));
    problem.value = null;
    void whoIsHere(here);
  });
  here.on("publication", ({ data, offset }) => {
    if (offset) durable(data as Envelope, offset);
    else if (data.type === "reply.delta") change((it) => chunk(it, data as Chunk));
    else if (data.type === "typing") types(data.user, data.chat_id ?? "");
  });
  here.on("join", ({ info }) => (clients.set(info.client, info.user), showPresent()));
  here.on("leave", ({ info }) => (clients.delete(info.client), showPresent()));
  here.on("unsubscribed", ({ code, reason }) => subscription === here && (problem.value = { code: code === 2000 ? 404 : code, message: reason }));
  here.subscribe();
}

/** Loads the messages before those that are known; the first ones of a chat that was never shown. */
export async function loadOlder(): Promise<void> {
  const [here, id] = [state.value, chat.value];
  if (!here || past.value || loadingOlder.value || !id || here.older.get(id) === false) return;
  loadingOlder.value = true;
  try {
    let oldest = Infinity;
    for (const it of here.messages.values()) if (it.chat === id && it.seq < oldest) oldest = it.seq;
    const before = here.older.has(id) && Number.isFinite(oldest) ? oldest : undefined;
    const page = await call<{ messages: Row[]; more: boolean }>("chat.history", { session_id: here.id, chat_id: id, before, limit: PAGE });
    if (state.value?.id === here.id) change((it) => addPage(it, id, page.messages, page.more));
  } catch (error) {
    problem.value = error as Failure;
  } finally {
    loadingOlder.value = false;
  }
}

effect(() => {
  if (state.value?.active && !chatId.value) chatId.value = state.value.active; // whoever activates another one moves nobody else
});

effect(() => {
  if (state.value?.at && chat.value && !state.value.older.has(chat.value)) void loadOlder();
});

/** Applies a change at the next frame, with all others that come until then. */
function change(next: (state: State) => State): void {
  if (queue.push(next) > 1) return;
  const later = () => {
    const changes = queue;
    queue = [];
    if (state.value) state.value = changes.reduce((it, one) => one(it), state.value);
  };
  if (document.visibilityState === "visible") requestAnimationFrame(later);
  else setTimeout(later, 50);
}

function durable(event: Envelope, offset: number): void {
  change((it) => fold(it, event, offset));
  outbox.arrived(event.id);
  if (event.type.startsWith("message.posted")) types(event.actor, null);
  if (event.type.startsWith("session.")) refresh();
}

function types(user: string, where: string | null): void {
  clearTimeout(typing.get(user));
  const now = new Map(typists.value);
  if (where === null) now.delete(user);
  else now.set(user, where), typing.set(user, window.setTimeout(() => types(user, null), TYPING_MS));
  typists.value = now;
}

async function whoIsHere(here: Subscription): Promise<void> {
  const found = await here.presence().catch(() => null);
  if (!found || subscription !== here || here.state !== SubscriptionState.Subscribed) return;
  clients.clear();
  for (const one of Object.values(found.clients)) clients.set(one.client, one.user);
  showPresent();
}

function showPresent(): void {
  present.value = new Set(clients.values());
}
