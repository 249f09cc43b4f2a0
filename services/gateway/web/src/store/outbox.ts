/** What was typed and is not in the log yet: written down first, then sent, in order, until the gateway has decided.
 *
 * A command keeps its id for all its tries, over reloads and on whichever gateway, so it takes effect exactly once.
 */
import { signal } from "@preact/signals";
import * as database from "./database";
import { type Failure, call } from "./link";
import type { Command } from "./database";

export type { Command };
export const waiting = signal<readonly Command[]>([]);
const SHOWN_MS = 3000;
const lanes = new Map<string, Promise<void>>(); // one after another within a session
const settled = new Map<string, (command: Command, failure: Failure | null) => void>();

/** Takes up what an earlier visit left behind. */
export async function start(user: string): Promise<void> {
  waiting.value = (await database.all()).filter((it) => it.data["_user"] === user);
  for (const command of waiting.value) if (!command.refused) submit(command);
}

/** Shows the command, writes it down, sends it. `done` is called when the gateway has decided. */
export async function post(command: Command, user: string, done?: (command: Command, failure: Failure | null) => void): Promise<void> {
  const kept = { ...command, data: { ...command.data, _user: user } };
  waiting.value = [...waiting.value, kept];
  if (done) settled.set(kept.id, done);
  await database.put(kept).catch(() => undefined); // a full disk must not keep a message from being sent
  submit(kept);
}

/** Sends a refused command once more, as it is. */
export async function retry(id: string): Promise<void> {
  const command = waiting.value.find((it) => it.id === id);
  if (!command) return;
  const { refused: _, ...fresh } = command;
  replace(fresh);
  await database.put(fresh).catch(() => undefined);
  submit(fresh);
}

export async function discard(id: string): Promise<void> {
  waiting.value = waiting.value.filter((it) => it.id !== id);
  await database.remove(id).catch(() => undefined);
}

/** The session's events hold this one: nothing of it waits any more. */
export function arrived(id: string): void {
  if (waiting.value.some((it) => it.id === id)) void discard(id);
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
    setTimeout(() => void discard(command.id), SHOWN_MS); // the event that takes its place is about to arrive
  } catch (error) {
    failure = error as Failure;
    const refused = { ...command, refused: `${failure.code} ${failure.message}` };
    replace(refused);
    await database.put(refused).catch(() => undefined);
  }
  settled.get(command.id)?.(command, failure);
}

function replace(command: Command): void {
  waiting.value = waiting.value.map((it) => (it.id === command.id ? command : it));
}
