/** Ids, made by the gateways' clock: one that is ahead of theirs would not be taken. */

const NEAR_MS = 30_000;
const YEARS_MS = 2 ** 39; // seventeen: no clock is wrong by more
const BACK_MS = 1000; // so far behind the last id's the clock may be; further, and it was set anew
let offset_ms = 0;
let last_ms = 0;

/** From here on ids are made by the clock that shows this now: milliseconds since 1970. */
export function setClock(now_ms: number): void {
  offset_ms = now_ms - Date.now();
}

/** Whether the id's time is in the future, by more than clocks may differ. */
export function ahead(id: string): boolean {
  return time(id) > Date.now() + offset_ms + NEAR_MS;
}

/** The id that takes the place of one that is ahead: in every tab and at every visit the same, and of two still the earlier. */
export function backdated(id: string): string {
  const hex = (time(id) - YEARS_MS).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}${id.slice(13)}`;
}

function time(id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** A new UUIDv7 (RFC 9562, 5.7 and 6.2): made once for a command and kept for all its tries, so that it takes effect once.
 * One that is made later sorts later. */
export function uuid7(): string {
  const now = Math.round(Date.now() + offset_ms);
  last_ms = now > last_ms || now < last_ms - BACK_MS ? now : last_ms + 1;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(last_ms / 2 ** 16));
  view.setUint16(4, last_ms % 2 ** 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
