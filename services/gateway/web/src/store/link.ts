/** The connection to whichever gateway serves this page, and commands that are safe to try again. */
import { Centrifuge } from "centrifuge";
import { signal } from "@preact/signals";
import { setClock } from "../model/ids";
import { Socket, learn } from "./gateways";
import * as identity from "./identity";

const SDK_CODES = 100; // below: the SDK's own words for "no answer"; from here on: the gateway's
const PROBE_EVERY_MS = 10_000;
const QUIET_MS = 1000; // a connection that is back within it was never gone, as far as a person can tell

export interface Failure {
  code: number;
  message: string;
  temporary?: boolean;
}

export type LinkState = "connecting" | "connected" | "disconnected";
export const linkState = signal<LinkState>("connecting");
export const linkCalm = signal<LinkState>("connecting"); // the same, a second later where it got worse
export const gateway = signal("");
export const latencyMs = signal<number | null>(null);
export const degraded = signal<readonly string[]>([]); // what is away, as the gateway told last

export const client = new Centrifuge("/connection/websocket", {
  websocket: Socket,
  getToken: identity.renew,
  name: "antiphon-web",
  minReconnectDelay: 50,
  maxReconnectDelay: 2000,
  timeout: 5000,
});
let calming = 0;
client.on("state", ({ newState }) => {
  linkState.value = newState as LinkState;
  clearTimeout(calming);
  if (newState === "connected") linkCalm.value = "connected";
  else calming = window.setTimeout(() => (linkCalm.value = newState as LinkState), QUIET_MS);
});
client.on("connected", ({ data }) => {
  learn(data.gateways);
  setClock(data.time);
  degraded.value = data.degraded;
  gateway.value = (client as unknown as { _node?: string })._node || location.host; // the SDK has no public word for it
  void probe();
});
client.on("message", ({ data }) => data.type === "degraded" && (degraded.value = data.degraded));
/** Resolved once a gateway has told its time: ids that are made from then on are good. */
export const met = new Promise<void>((resolve) => (client.once("connected", () => resolve()), client.once("disconnected", () => resolve())));

export function connect(): void {
  client.setToken(identity.token());
  client.connect();
  setInterval(() => document.visibilityState === "visible" && void probe(), PROBE_EVERY_MS);
}

/** Carries out a command. One whose fate is unknown is sent again, unchanged, until the gateway has decided. */
export async function call<T>(method: string, data: object): Promise<T> {
  for (let pause_ms = 250; ; pause_ms = Math.min(pause_ms * 2, 4000)) {
    try {
      return await ask<T>(method, data);
    } catch (error) {
      if (!undecided(error as Failure)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
    }
  }
}

/** Asks once; for what is of no use later. */
export async function ask<T>(method: string, data: object): Promise<T> {
  return (await client.rpc(method, JSON.parse(JSON.stringify(data, whole)))).data as T;
}

/** Half of a character, as a text that was cut may end with, is no Unicode: no gateway would take it. */
function whole(_: string, value: unknown): unknown {
  return typeof value === "string" ? value.replace(/\p{Surrogate}/gu, "\ufffd") : value;
}

/** Whether the command may still have taken effect, or may at another try. */
export function undecided({ code, temporary }: Failure): boolean {
  return !!temporary || code < SDK_CODES;
}

async function probe(): Promise<void> {
  if (linkState.value !== "connected") return;
  const began = performance.now();
  const answered = await client.presenceStats("none").then(() => true, (error: Failure) => error.code >= SDK_CODES);
  if (answered) latencyMs.value = Math.round(performance.now() - began);
}
