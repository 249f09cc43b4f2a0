/** Saves a session as a file. The token goes into a header, never into an address. */
import { refused } from "../store/actions";
import { request } from "../store/gateways";
import { token } from "../store/identity";

export async function save(session: string, format: string, seq?: number): Promise<void> {
  const asked = new URLSearchParams({ format, ...(seq && { seq: String(seq) }) });
  const answer = await request(`/api/sessions/${session}/export?${asked}`, { headers: { authorization: `Bearer ${token()}` } }).catch(() => null);
  if (!answer?.ok) return refused({ code: answer?.status ?? 503, message: "" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? `${session}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
