/** The session on the screen: its state, folded from the subscription, and what belongs to the reader's view of it. */
import { batch, computed, effect, signal } from "@preact/signals";
import { type Subscription, SubscriptionState } from "centrifuge";
import { chunk, fold } from "../model/fold";
import { type Place, addPage, atNewest, edge, letGo, refreshed } from "../model/pages";
import { empty, load } from "../model/snapshot";
import { thread } from "../model/thread";
import type { Chunk, Envelope, Row, State } from "../model/types";
import { type Failure, call, client } from "./link";
import * as outbox from "./outbox";
import { refresh } from "./sessions";

const PAGE = 100;
const MOST = 200; // messages of a page
export const state = signal<State | null>(null);
export const past = signal<State | null>(null); // the session as it was, while somebody looks back
export const chatId = signal(""); // the chat on the screen: at first the active one
export const chosen = signal<ReadonlySet<string>>(new Set());
export const problem = signal<Failure | null>(null); // why it can't be shown
export const present = signal<ReadonlySet<string>>(new Set()); // users who have it open, anywhere
export const typists = signal<ReadonlyMap<string, string>>(new Map()); // user -> chat
export const loading = signal(false); // a page of history
export const place = signal<Place>(null); // what the reader has before them; null: the newest

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
  if (state.value?.id === id && !problem.value) return;
  close();
  batch(() => {
    state.value = empty(id);
    chatId.value = "";
    place.value = null;
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
    if (data) afresh(data as Row);
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

/** Loads the messages before those that are known, the first ones of a chat that was never shown; or those after the gap. */
export async function loadPage(up: boolean): Promise<void> {
  const [here, id] = [state.value, chat.value];
  if (!here || past.value || problem.value || loading.value || !id || (up ? here.older.get(id) === false : !here.gaps.has(id))) return;
  const from = edge(here, id, up);
  loading.value = true;
  try {
    const page = await call<Row>("chat.history", { session_id: here.id, chat_id: id, [up ? "before" : "after"]: from, limit: PAGE });
    if (state.value?.id !== here.id) return;
    change((it) => addPage(it, id, page, up, from));
    batch(() => (apply(), (loading.value = false)));
  } catch (error) {
    if (state.value?.id === here.id) problem.value = error as Failure;
  } finally {
    loading.value = false;
  }
}

/** Goes to the newest messages. */
export function toNewest(): void {
  batch(() => {
    place.value = null;
    if (state.value) state.value = atNewest(state.value, chat.value);
  });
}

/** Begins again from a snapshot. What the reader has before them stays, and is read anew: it may have changed meanwhile. */
function afresh(snapshot: Row): void {
  const [id, on, window] = [state.value?.id, chat.value, place.value];
  change((it) => load(it, snapshot, on, window));
  if (!window || !snapshot["messages"]) return;
  const question = { session_id: id, chat_id: on, after: window.first - 1, limit: MOST };
  void call<{ messages: Row[] }>("chat.history", question).then(
    (page) => state.value?.id === id && change((it) => refreshed(it, page.messages)),
    () => undefined,
  );
}

effect(() => {
  if (state.value?.active && !chatId.value) chatId.value = state.value.active; // whoever activates another one moves nobody else
});

effect(() => {
  if (state.value?.at && chat.value && !state.value.older.has(chat.value)) void loadPage(true);
});

/** Applies a change at the next frame, with all others that come until then. */
function change(next: (state: State) => State): void {
  if (queue.push(next) > 1) return;
  if (document.visibilityState === "visible") requestAnimationFrame(apply);
  else setTimeout(apply, 50);
}

function apply(): void {
  const changes = queue;
  queue = [];
  if (changes.length && state.value) state.value = letGo(changes.reduce((it, one) => one(it), state.value), chat.value, place.value);
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
