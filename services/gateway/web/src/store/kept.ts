/** What this browser keeps between two visits. Where it refuses to, or has no room, it lasts as long as the page. */

const unwritten = new Map<string, string>();

export function read(key: string): string | null {
  try {
    return unwritten.get(key) ?? localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a text; null: nothing of it any more. */
export function keep(key: string, text: string | null): void {
  unwritten.delete(key);
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    if (text !== null) unwritten.set(key, text);
  }
}
