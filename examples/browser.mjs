// Antiphon from a page (or from Node 22), with the official SDK of the Centrifuge protocol: npm install centrifuge
//
//   node examples/browser.mjs http://127.0.0.1:8000
import { Centrifuge } from "centrifuge";

const gateway = globalThis.process?.argv[2] ?? globalThis.location.origin;
const post = async (path, headers = {}) => (await fetch(gateway + path, { method: "POST", headers })).json();

let { token } = await post("/api/auth/guest");
const getToken = async () => ({ token } = await post("/api/auth/refresh", { authorization: `Bearer ${token}` })).token;
const client = new Centrifuge(`${gateway.replace("http", "ws")}/connection/websocket`, { token, getToken });

// Each write has an id of yours (a UUIDv7): repeat it unchanged after a timeout, and it still takes effect once.
const uuid7 = () => {
  const time = Date.now().toString(16).padStart(12, "0");
  const random = crypto.randomUUID();
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
};
const write = async (method, data) => (await client.rpc(method, { id: uuid7(), ...data })).data;

client.connect();
const { session_id } = await write("session.create", { title: "From an example" });
const session = client.newSubscription(`session:${session_id}`, { recoverable: true, positioned: true });
session.on("subscribed", ({ data, streamPosition }) => console.log("open at position", streamPosition.offset, data.participants));
session.on("publication", ({ data, offset }) => {
  if (offset) console.log(offset, data.type, data.data.content ?? ""); // a fact: in the log, at this position, for ever
  else if (data.type === "reply.delta") console.log("   …", data.text); // text on its way: the whole follows as a fact
  if (data.type.startsWith("reply.completed") || data.type.startsWith("reply.failed")) client.disconnect();
});
session.subscribe();
await session.ready();
await write("message.send", { session_id, content: "Hello! Who is there?", reply: true });
