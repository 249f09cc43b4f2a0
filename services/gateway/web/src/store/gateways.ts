/** Where this page reaches the gateways: the one it came from, and those that a gateway has named. */

import { keep, read } from "./kept";

const KEY = "antiphon.gateways"; // of the last visit; what the page may call is in its policy, whatever stands here
const ANSWER_MS = 10_000; // that a gateway may take until it begins to answer
const own = location.origin;
let known = only((read(KEY) ?? "").split(" "));
let at = known.indexOf(own); // the one in use
let begun = false;

/**
 * Takes the addresses that a gateway has named; they count where this page's own is among them. Each page has them in an
 * order of its own, so that the clients of a gateway that dies go to all the others.
 */
export function learn(named: string[]): void {
  const here = known[at]!;
  const placed = only(named).map((address) => ({ address, place: Math.random() }));
  known = placed.sort((a, b) => a.place - b.place).map(({ address }) => address);
  at = Math.max(0, known.indexOf(here));
  keep(KEY, known.join(" "));
}

/** A socket to this page's own gateway; each one after it goes to the next gateway, since the one before it has ended. */
export class Socket extends WebSocket {
  constructor(path: string) {
    if (begun) at = (at + 1) % known.length;
    begun = true;
    super(known[at]!.replace(/^http/, "ws") + path);
  }
}

/** Asks the gateway in use; where nobody answers, the next ones. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  for (let step = 0; ; step++) {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), ANSWER_MS);
    try {
      return await fetch(known[(at + step) % known.length]! + path, { ...init, signal: patience.signal });
    } catch (error) {
      if (step + 1 >= known.length) throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

function only(named: string[]): string[] {
  return named.includes(own) ? named : [own];
}
