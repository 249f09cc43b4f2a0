/** A table of commands in IndexedDB. Where that is not to be had (a private window), it lives as long as the page. */

export interface Command {
  id: string; // UUIDv7: one id, one effect, however often it is sent
  method: string;
  session: string;
  data: Record<string, unknown>;
  time: string;
  refused?: string; // why the gateway would not have it
}

const [NAME, TABLE] = ["antiphon", "outbox"];
const PATIENCE_MS = 2000; // that opening may take
const inMemory = new Map<string, Command>();
let opened: Promise<IDBDatabase | null> | null = null;

export async function all(): Promise<Command[]> {
  const found = ((await run("readonly", (table) => table.getAll())) as Command[] | null) ?? [...inMemory.values()];
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Afterwards the command survives the page. */
export async function put(command: Command): Promise<void> {
  if ((await run("readwrite", (table) => table.put(command))) === null) inMemory.set(command.id, command);
}

/** Afterwards the one command stands in the place of the other, or, if the page ends just then, still the other one. */
export async function replace(id: string, command: Command): Promise<void> {
  if ((await run("readwrite", (table) => (table.delete(id), table.put(command)))) === null) (inMemory.delete(id), inMemory.set(command.id, command));
}

export async function remove(id: string): Promise<void> {
  inMemory.delete(id);
  await run("readwrite", (table) => table.delete(id));
}

async function run(mode: IDBTransactionMode, does: (table: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const database = await (opened ??= open());
  if (!database) return null;
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLE, mode, { durability: "strict" });
    const request = does(transaction.objectStore(TABLE));
    transaction.commit(); // it is written even if the page ends before it hears of it
    transaction.oncomplete = () => resolve(request.result ?? true);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

function open(): Promise<IDBDatabase | null> {
  return new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
    setTimeout(reject, PATIENCE_MS); // some browsers never answer
  }).then((database) => {
    database.onclose = () => (opened = null); // the browser has taken it away; there may be another
    return database;
  }, () => null);
}
