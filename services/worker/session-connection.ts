import { createClient, type Transport } from "@connectrpc/connect";
import {
  type SessionRequest,
  type SessionResponse,
  WorkerSessionService,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import { fromConnectError } from "#rpc/connect-error.ts";
import { createOutbound, type Outbound } from "./outbound.ts";

/** What the other side may still say after this side has ended, in milliseconds. */
const farewellMs = 2000;

/** One stream to an executor. */
export interface SessionConnection {
  readonly outbound: Pick<Outbound<SessionRequest>, "send" | "sendBulk" | "hasBulk">;
  /** Ends it after what waits is sent, and resolves when it has ended, soon after. `onClosed` is not called any more. */
  close(): Promise<void>;
}

export interface ConnectionHandlers {
  readonly onMessage: (message: SessionResponse) => void;
  readonly onClosed: (end: { readonly isRefused: boolean; readonly problem: string }) => void;
}

/** Opens a stream. Messages come in order; `onClosed` is called once, when it ends in any way but by `close`. */
export function openConnection(transport: Transport, handlers: ConnectionHandlers): SessionConnection {
  const controller = new AbortController();
  const outbound = createOutbound<SessionRequest>();
  let isClosing = false;

  const read = async (): Promise<void> => {
    let end = { isRefused: false, problem: "the executor ended the session" };
    try {
      const responses = createClient(WorkerSessionService, transport).session(outbound, { signal: controller.signal });
      for await (const message of responses) if (!isClosing) handlers.onMessage(message);
    } catch (thrown) {
      const error = fromConnectError(thrown);
      end = { isRefused: error.code === "WORKER_REFUSED", problem: error.message };
    }
    outbound.end();
    if (!isClosing) handlers.onClosed(end);
  };

  const reading = read();
  return {
    outbound,
    close() {
      isClosing = true;
      outbound.end();
      const timer = setTimeout(() => controller.abort(), farewellMs);
      return reading.finally(() => clearTimeout(timer));
    },
  };
}
