import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { AppError, describeError } from "#errors/app-error.ts";
import type {
  Hello,
  SessionRequest,
  SessionResponse,
  WorkerSessionService,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import type { Logger } from "#telemetry/logger.ts";
import type { WorkerSession } from "./session.ts";
import type { SessionHandler } from "./session-handler.ts";
import type { SessionRegistry } from "./session-registry.ts";

export interface WorkerSessionServiceOptions {
  readonly sessions: SessionRegistry;
  readonly logger: Logger;
  readonly open: (hello: Hello) => Promise<WorkerSession>;
  readonly handlerOf: (session: WorkerSession) => SessionHandler;
  readonly opened: (session: WorkerSession) => void;
  /** Called when the stream of a session is over. */
  readonly closed: (session: WorkerSession) => Promise<void>;
}

/** The stream between a worker and this executor: the first message is a hello, after it both sides speak when they like. */
export function createWorkerSessionService(
  options: WorkerSessionServiceOptions,
): ServiceImpl<typeof WorkerSessionService> {
  return {
    async *session(requests: AsyncIterable<SessionRequest>, context: HandlerContext): AsyncGenerator<SessionResponse> {
      const incoming = requests[Symbol.asyncIterator]();
      const first = await incoming.next();
      if (first.done === true) return;
      if (first.value.message.case !== "hello")
        throw new AppError("INVALID_ARGUMENT", "the first message of a session is a hello");
      const session = await options.open(first.value.message.value);
      options.sessions.add(session);
      const close = (): void => session.outgoing.close();
      context.signal.addEventListener("abort", close, { once: true });
      options.logger.info({ worker_id: session.workerId, session: session.sessionNumber }, "worker connected");
      options.opened(session);
      void readAll(session, incoming, options);
      try {
        yield* session.outgoing;
      } finally {
        context.signal.removeEventListener("abort", close);
        session.outgoing.close();
        options.sessions.remove(session);
        await options.closed(session);
        options.logger.info({ worker_id: session.workerId, session: session.sessionNumber }, "worker disconnected");
      }
    },
  };
}

/** Reads until the worker ends its side or is gone; then the other side ends too. */
async function readAll(
  session: WorkerSession,
  incoming: AsyncIterator<SessionRequest>,
  { handlerOf, logger }: WorkerSessionServiceOptions,
): Promise<void> {
  const handler = handlerOf(session);
  try {
    for (
      let next = await incoming.next();
      next.done !== true && !session.outgoing.isClosed;
      next = await incoming.next()
    ) {
      handler.receive(next.value);
    }
  } catch (error) {
    logger.debug({ worker_id: session.workerId, error: describeError(error) }, "a session broke off");
  } finally {
    handler.close();
    session.outgoing.close();
  }
}
