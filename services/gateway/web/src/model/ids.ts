/** A new UUIDv7 (RFC 9562, 5.7): made once for a command and kept for all its tries, so that it takes effect once. */
export function uuid7(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const [view, now] = [new DataView(bytes.buffer), Date.now()];
  view.setUint32(0, Math.floor(now / 2 ** 16));
  view.setUint16(4, now % 2 ** 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
