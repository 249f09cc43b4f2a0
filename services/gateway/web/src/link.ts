/** The connection to whichever gateway serves this page, and commands that are safe to try again. */
import { Centrifuge } from "centrifuge";
import * as guest from "./guest";

export type LinkState = "connecting" | "connected" | "disconnected";
const SDK_CODES = 100; // below: the SDK's own words for "no answer"; from here on: the gateway's
const CLIENT_DISCONNECTED = 3;

export interface Failure {
  code: number;
  message: string;
  temporary?: boolean;
}

export class Link {
  readonly client: Centrifuge;

  constructor(onState: (state: LinkState, text: string) => void) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.client = new Centrifuge(`${scheme}://${location.host}/connection/websocket`, {
      token: guest.token(),
      getToken: guest.renew,
      name: "antiphon-web",
      minReconnectDelay: 100,
      maxReconnectDelay: 5000,
    });
    this.client.on("connecting", (why) => onState("connecting", why.code === 0 ? "connecting" : "reconnecting"));
    this.client.on("connected", () => onState("connected", this.gateway()));
    this.client.on("disconnected", (why) => onState("disconnected", why.reason));
  }

  /** The gateway that serves this connection; the SDK knows its name and has no public word for it. */
  private gateway(): string {
    return (this.client as unknown as { _node?: string })._node || location.host;
  }

  /** Carries out a command. One whose fate is unknown is sent again, unchanged, until the gateway has decided. */
  async call<T>(method: string, data: object): Promise<T> {
    for (let pause_ms = 250; ; pause_ms = Math.min(pause_ms * 2, 4000)) {
      try {
        return (await this.client.rpc(method, data)).data as T;
      } catch (error) {
        const { code, temporary } = error as Failure;
        const undecided = temporary || (code < SDK_CODES && code !== CLIENT_DISCONNECTED);
        if (!undecided) throw error;
        await new Promise((resolve) => setTimeout(resolve, pause_ms));
      }
    }
  }
}
