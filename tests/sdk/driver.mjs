// Drives the official JavaScript SDK: one JSON command a line on stdin, answers and events as JSON lines on stdout.
// The words are the same as in driver.py, so that one test suite runs both SDKs.
import { createInterface } from "node:readline";
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const subscriptions = new Map();
let client;

const position = (at) => (at ? { offset: at.offset, epoch: at.epoch } : null);
const publication = ({ data, offset, tags, info }) => ({ data, offset: offset ?? 0, tags: tags ?? {}, user: info?.user ?? "" });

const commands = {
  open({ url, token = "", tokens = [], timeout_ms = 5000, ping_delay_ms = 10000, min_delay_ms = 50, max_delay_ms = 1000 }) {
    client = new Centrifuge(url, {
      websocket: WebSocket,
      token,
      getToken: tokens.length ? async () => (say({ event: "token_wanted" }), tokens.length > 1 ? tokens.shift() : tokens[0]) : null,
      name: "js",
      timeout: timeout_ms,
      maxServerPingDelay: ping_delay_ms,
      minReconnectDelay: min_delay_ms,
      maxReconnectDelay: max_delay_ms,
    });
    client.on("connecting", ({ code, reason }) => say({ event: "connecting", code, reason }));
    client.on("connected", (ctx) => say({ event: "connected", client: ctx.client, data: ctx.data ?? null }));
    client.on("disconnected", ({ code, reason }) => say({ event: "disconnected", code, reason }));
    client.on("error", ({ error }) => say({ event: "error", code: error.code, message: error.message }));
    client.on("subscribed", ({ channel }) => say({ event: "server_subscribed", channel }));
    client.on("publication", (ctx) => say({ event: "server_publication", channel: ctx.channel, ...publication(ctx) }));
    client.connect();
  },
  close: () => client.disconnect(),
  subscribe({ channel, since = null }) {
    const sub = client.newSubscription(channel, { recoverable: true, positioned: true, joinLeave: true, minResubscribeDelay: 50, since });
    subscriptions.set(channel, sub);
    sub.on("subscribed", (ctx) =>
      say({ event: "subscribed", channel, position: position(ctx.streamPosition), was_recovering: ctx.wasRecovering, recovered: ctx.recovered, data: ctx.data ?? null }),
    );
    sub.on("subscribing", ({ code, reason }) => say({ event: "subscribing", channel, code, reason }));
    sub.on("unsubscribed", ({ code, reason }) => say({ event: "unsubscribed", channel, code, reason }));
    sub.on("publication", (ctx) => say({ event: "publication", channel, ...publication(ctx) }));
    sub.on("join", ({ info }) => say({ event: "join", channel, user: info.user }));
    sub.on("leave", ({ info }) => say({ event: "leave", channel, user: info.user }));
    sub.on("error", ({ error }) => say({ event: "subscription_error", channel, code: error.code, message: error.message }));
    sub.subscribe();
  },
  unsubscribe: ({ channel }) => subscriptions.get(channel).unsubscribe(),
  rpc: async ({ method, data }) => (await client.rpc(method, data)).data,
  publish: async ({ channel, data }) => void (await client.publish(channel, data)),
  presence: async ({ channel }) => Object.values((await client.presence(channel)).clients).map(({ user }) => user),
  presence_stats: async ({ channel }) => {
    const { numClients, numUsers } = await client.presenceStats(channel);
    return { num_clients: numClients, num_users: numUsers };
  },
  history: async ({ channel, ...options }) => {
    const { publications, offset, epoch } = await client.history(channel, options);
    return { publications: publications.map(publication), offset, epoch };
  },
};

createInterface({ input: process.stdin })
  .on("line", async (line) => {
    const { id, do: name, ...rest } = JSON.parse(line);
    try {
      say({ id, ok: (await commands[name](rest)) ?? null });
    } catch ({ code = 0, message = "", temporary = false }) {
      say({ id, error: { code, message, temporary: temporary || (code > 0 && code < 100) } });
    }
  })
  .on("close", () => process.exit(0));
