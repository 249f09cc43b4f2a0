/** Who the reader is: a token, kept in this browser and renewed before it ends. It never enters an address. */
import { UnauthorizedError } from "centrifuge";
import { request } from "./gateways";
import * as kept from "./kept";

const KEY = "antiphon.token";

export interface Identity {
  user: string;
  name: string;
}

/** Who this browser already is, if anybody. */
export function known(): Identity | null {
  const token = kept.read(KEY);
  try {
    const claims = JSON.parse(decode(token!.split(".")[1]!)) as { sub: string; name?: string };
    return { user: claims.sub, name: claims.name || claims.sub };
  } catch {
    return null;
  }
}

/** Becomes a new guest. */
export async function enter(name: string): Promise<Identity> {
  const answer = await post("/api/auth/guest", { body: JSON.stringify({ name }) });
  if (!answer.ok) throw Object.assign(new Error("entering failed"), { code: answer.status });
  return keep(((await answer.json()) as { token: string }).token);
}

/** Comes in as the user whose token this is, if the gateway takes it. */
export async function enterWith(given: string): Promise<Identity> {
  const headers = { authorization: `Bearer ${given}` };
  const answer = await post("/api/auth/refresh", { headers });
  if (answer.ok) return keep(((await answer.json()) as { token: string }).token);
  const elsewhere = await request("/api/sessions?limit=1", { headers }); // an identity provider's: it is good, and renewed there
  if (!elsewhere.ok) throw Object.assign(new Error("the token is not good"), { code: elsewhere.status === 401 ? 101 : elsewhere.status });
  return keep(given);
}

/** Calls `gone` when in another tab this user left the browser, or somebody else came in. */
export function whenGone(user: string, gone: () => void): void {
  addEventListener("storage", ({ key }) => (key === KEY || key === null) && known()?.user !== user && gone());
}

/** Forgets who this browser is. */
export function leave(): void {
  kept.keep(KEY, null);
}

export function token(): string {
  return kept.read(KEY) ?? "";
}

/** A fresh token for the same user: what the SDK asks for when the old one ends. */
export async function renew(): Promise<string> {
  const answer = await post("/api/auth/refresh", { headers: { authorization: `Bearer ${token()}` } });
  if (answer.status === 401 || answer.status === 403) {
    kept.keep(KEY, null);
    throw new UnauthorizedError("the token is no longer good");
  }
  if (!answer.ok) throw new Error(`refresh answered ${answer.status}`);
  keep(((await answer.json()) as { token: string }).token);
  return token();
}

function keep(text: string): Identity {
  kept.keep(KEY, text);
  return known()!;
}

function post(path: string, init: RequestInit): Promise<Response> {
  const headers = { "content-type": "application/json", ...init.headers };
  return request(path, { ...init, method: "POST", headers });
}

function decode(base64url: string): string {
  const bytes = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}
