import { createClient, type Transport } from "@connectrpc/connect";
import {
  type SessionRequest,
  type SessionResponse,
  WorkerSessionService,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { AppError } from "#errors/app-error.ts";
import { fromConnectError } from "#rpc/connect-error.ts";
import { createOutbound, type Outbound } from "./outbound.ts";
import type { Refusal } from "./session-signals.ts";

/** What the other side may still say after this side has ended, in milliseconds. */
const farewellMs = 2000;

/** One stream to an executor. */
export interface SessionConnection {
  readonly outbound: Pick<Outbound<SessionRequest>, "send" | "sendBulk" | "hasBulk">;
  /** Ends it after what waits is sent, and resolves when it has ended, soon after. `onClosed` is not called any more. */
  close(): Promise<void>;
}

/** How a stream ended. */
export interface ConnectionEnd {
  readonly refusal: Refusal | null;
  readonly problem: string;
}

export interface ConnectionHandlers {
  readonly onMessage: (message: SessionResponse) => void;
  readonly onClosed: (end: ConnectionEnd) => void;
}

/** Opens a stream. Messages come in order; `onClosed` is called once, when it ends in any way but by `close`. */
export function openConnection(transport: Transport, handlers: ConnectionHandlers): SessionConnection {
  const controller = new AbortController();
  const outbound = createOutbound<SessionRequest>();
  let isClosing = false;

  const read = async (): Promise<void> => {
    let end: ConnectionEnd = { refusal: null, problem: "the executor ended the session" };
    try {
      const responses = createClient(WorkerSessionService, transport).session(outbound, { signal: controller.signal });
      for await (const message of responses) if (!isClosing) handlers.onMessage(message);
    } catch (thrown) {
      end = toConnectionEnd(fromConnectError(thrown));
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

/** What an error that ended a stream means to the worker. */
export function toConnectionEnd({ code, details, message: problem }: AppError): ConnectionEnd {
  if (code !== "WORKER_REFUSED") return { refusal: null, problem };
  return { refusal: details["reason"] === "incarnation_lost" ? "incarnation_lost" : "other", problem };
}
