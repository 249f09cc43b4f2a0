/** What was typed and is not in the log yet: written down first, then sent, in order, until the gateway has decided.
 *
 * A command keeps its id for all its tries, over reloads and on whichever gateway, so it takes effect exactly once. One
 * whose id was made by a wrong clock, before any gateway told the time, is refused for it; it gets another, the same in every tab.
 */
import { signal } from "@preact/signals";
import { ahead, backdated } from "../model/ids";
import * as database from "./database";
import { type Failure, call, client } from "./link";
import type { Command } from "./database";

export type { Command };
export const waiting = signal<readonly Command[]>([]);
const tabs = new BroadcastChannel("antiphon.outbox"); // ids that somebody discarded, for the other tabs
const SHOWN_MS = 3000;
const RULE_BROKEN = 422;
const lanes = new Map<string, Promise<void>>(); // one after another within a session
let settled: (command: Command, failure: Failure | null) => void = () => undefined;

/** Takes up what an earlier visit left behind, and from here on what another tab did that is closed. `done` is called
 * whenever the gateway has decided on a command. */
export async function start(user: string, done: typeof settled): Promise<void> {
  settled = done;
  const again = () => void takeUp(user).catch(() => undefined);
  client.on("connected", again);
  tabs.onmessage = ({ data }) => (waiting.value = waiting.value.filter(({ id }) => id !== data));
  document.addEventListener("visibilitychange", again);
  await takeUp(user).catch(() => undefined); // what can't be read keeps nobody from going on
}

async function takeUp(user: string): Promise<void> {
  const left = (await database.all()).filter((it) => it.data["_user"] === user && !waiting.value.some(({ id }) => id === it.id));
  if (left.length) waiting.value = [...waiting.value, ...left];
  for (const command of left) if (!command.refused) submit(command);
}

/** Shows the command, writes it down, sends it. */
export async function post(command: Command, user: string): Promise<void> {
  const kept = { ...command, data: { ...command.data, _user: user } };
  waiting.value = [...waiting.value, kept];
  await database.put(kept).catch(() => undefined); // a full disk must not keep a message from being sent
  submit(kept);
}

/** Sends a refused command once more, as it is; after a session that is to be made what waits for it. */
export async function retry(id: string): Promise<void> {
  for (const { refused, ...fresh } of withSequels(id)) {
    if (!refused) continue;
    replace(fresh);
    await database.put(fresh).catch(() => undefined);
    submit(fresh);
  }
}

/** Gives a refused command up, in every tab; with a session that was never made all that waits for it. */
export async function discard(id: string): Promise<void> {
  for (const it of withSequels(id)) await remove(it.id).then(() => tabs.postMessage(it.id));
}

/** The command, and what can't be without it. */
function withSequels(id: string): Command[] {
  const command = waiting.value.find((it) => it.id === id);
  return waiting.value.filter((it) => it === command || (command?.method === "session.create" && it.session === command.session));
}

async function remove(id: string): Promise<void> {
  waiting.value = waiting.value.filter((it) => it.id !== id);
  await database.remove(id).catch(() => undefined);
}

/** The session's events hold this one: nothing of it waits any more. */
export function arrived(id: string): void {
  if (waiting.value.some((it) => it.id === id)) void remove(id);
}

function submit(command: Command): void {
  const before = lanes.get(command.session) ?? Promise.resolve();
  lanes.set(command.session, before.then(() => send(command)));
}

async function send(command: Command): Promise<void> {
  let failure: Failure | null = null;
  try {
    const { _user: _, ...data } = command.data;
    await call(command.method, { ...data, id: command.id });
    await database.remove(command.id).catch(() => undefined);
    if (command.method === "message.send") setTimeout(() => void remove(command.id), SHOWN_MS); // the event that takes its place is about to arrive
    else await remove(command.id);
  } catch (error) {
    failure = error as Failure;
    if (failure.code === RULE_BROKEN && ahead(command.id)) return send(await renamed(command));
    const refused = { ...command, refused: `${failure.code} ${failure.message}` };
    replace(refused);
    await database.put(refused).catch(() => undefined);
  }
  settled(command, failure);
}

async function renamed(command: Command): Promise<Command> {
  const fresh = { ...command, id: backdated(command.id) };
  waiting.value = waiting.value.map((it) => (it.id === command.id ? fresh : it));
  await database.replace(command.id, fresh).catch(() => undefined);
  return fresh;
}

function replace(command: Command): void {
  waiting.value = waiting.value.map((it) => (it.id === command.id ? command : it));
}
