/** Who the reader is: a guest's token, kept in this browser and renewed before it ends. It never enters an address. */
import { UnauthorizedError } from "centrifuge";

const KEY = "antiphon.token";

export interface Guest {
  user: string;
  name: string;
}

/** The guest this browser already is, if any. */
export function known(): Guest | null {
  const token = localStorage.getItem(KEY);
  try {
    const claims = JSON.parse(decode(token!.split(".")[1]!)) as { sub: string; name?: string };
    return { user: claims.sub, name: claims.name || claims.sub };
  } catch {
    return null;
  }
}

/** Becomes a new guest. */
export async function enter(name: string): Promise<Guest> {
  const answer = await post("/api/auth/guest", { body: JSON.stringify({ name }) });
  if (!answer.ok) throw new Error(`Entering failed (${answer.status}). Try again in a moment.`);
  return keep(((await answer.json()) as { token: string }).token);
}

export function token(): string {
  return localStorage.getItem(KEY) ?? "";
}

/** A fresh token for the same guest: what the SDK asks for when the old one ends. */
export async function renew(): Promise<string> {
  const answer = await post("/api/auth/refresh", { headers: { authorization: `Bearer ${token()}` } });
  if (answer.status === 401 || answer.status === 403) {
    localStorage.removeItem(KEY);
    throw new UnauthorizedError("the token is no longer good");
  }
  if (!answer.ok) throw new Error(`refresh answered ${answer.status}`);
  keep(((await answer.json()) as { token: string }).token);
  return token();
}

function keep(text: string): Guest {
  localStorage.setItem(KEY, text);
  return known()!;
}

function post(path: string, init: RequestInit): Promise<Response> {
  const headers = { "content-type": "application/json", ...init.headers };
  return fetch(path, { ...init, method: "POST", headers });
}

function decode(base64url: string): string {
  const bytes = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}
