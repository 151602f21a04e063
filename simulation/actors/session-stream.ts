import type { SessionRequest, SessionResponse } from "#gen/millrace/v1/worker_session_service_pb.js";
import { AppError } from "#errors/app-error.ts";
import {
  type ConnectionHandlers,
  type SessionConnection,
  toConnectionEnd,
} from "#services/worker/session-connection.ts";
import type { Ledger } from "../invariants/ledger.ts";
import type { Network } from "../world/network.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { World } from "../world/world.ts";
import type { SimExecutor } from "./sim-executor.ts";

const refusedAfterMs = 1;

/** A worker's stream to an executor over the simulated network. */
export function connectSession(
  parts: {
    readonly world: World;
    readonly network: Network;
    readonly ledger: Ledger;
    readonly process: SimProcess;
    readonly executor: SimExecutor | undefined;
  },
  handlers: ConnectionHandlers,
): SessionConnection {
  const { world, network, ledger, process, executor } = parts;
  let isClosing = false;
  const closed = (error: unknown): void => {
    if (isClosing) return;
    isClosing = true;
    handlers.onClosed(
      error instanceof AppError ? toConnectionEnd(error) : { refusal: null, problem: "the stream ended" },
    );
  };
  if (executor?.core === null || executor === undefined) {
    process.after(refusedAfterMs, () => closed(new Error("connection refused")));
    return {
      outbound: { send: () => undefined, sendBulk: () => undefined, hasBulk: () => false },
      close: async () => undefined,
    };
  }
  const accepted = executor.accept();
  const tell = (message: SessionRequest["message"] | SessionResponse["message"]): void => {
    if (world.trace.keepsLines)
      world.note("session", `${process.name} ${executor.process.name} ${describeMessage(message)}`);
  };
  const ways = network.open<SessionRequest, SessionResponse>(
    {
      process,
      receive: (response) => {
        if (isClosing) return;
        tell(response.message);
        handlers.onMessage(response);
      },
      closed,
    },
    {
      ...accepted.end,
      receive: (request) => {
        tell(request.message);
        accepted.end.receive(request);
      },
    },
  );
  accepted.attach({
    send: (response) => {
      noteAcknowledgement(ledger, response);
      ways.toClient(response);
    },
    close: (error) => ways.end("server", error),
  });
  return {
    outbound: {
      send: (request) => ways.toServer(request),
      sendBulk: (_key, request) => ways.toServer(request),
      hasBulk: () => false,
    },
    close: async () => {
      isClosing = true;
      ways.end("client", null);
    },
  };
}

function describeMessage(message: SessionRequest["message"] | SessionResponse["message"]): string {
  return JSON.stringify(message, (key, value: unknown) =>
    key.startsWith("$") ? undefined : typeof value === "bigint" ? Number(value) : value,
  );
}

function noteAcknowledgement(ledger: Ledger, { message }: SessionResponse): void {
  if (message.case !== "outcomeAck" || !message.value.accepted) return;
  const { attempt } = message.value;
  if (attempt !== undefined) ledger.acknowledged({ ...attempt, mapIndex: attempt.mapIndex ?? null });
}
