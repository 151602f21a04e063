import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createRouterTransport } from "@connectrpc/connect";
import { vi } from "vitest";
import type { AppError } from "#errors/app-error.ts";
import {
  type Assignment,
  AssignmentSchema,
  type AttemptRef,
  type Hello,
  type Outcome,
  type SessionRequest,
  type SessionResponse,
  SessionResponseSchema,
  Verdict,
  WorkerSessionService,
} from "#gen/millrace/v1/worker_session_service_pb.js";
import { toConnectError } from "#rpc/connect-error.ts";

type Response = NonNullable<MessageInitShape<typeof SessionResponseSchema>["message"]>;
type Received = SessionRequest["message"];
type Case = NonNullable<Received["case"]>;
type Said<K extends Case> = Extract<Received, { case: K }>["value"];

/** What a test says of an assignment beside its task and operator. */
type AssignmentParts = Partial<
  Pick<
    Assignment,
    | ("operator" | "environment" | "values" | "secrets" | "timeout" | "gracePeriod" | "captureStdout" | "logMaxBytes")
    | ("network" | "filesystem")
  >
>;

export const patience = { timeout: 10_000, interval: 5 };

/** The executor's end of one stream, in the test's hand. */
export class FakeSession {
  readonly received: Received[] = [];
  readonly #outgoing: SessionResponse[] = [];
  #wake: () => void = () => {};
  #end: { readonly error: AppError | null } | null = null;
  isOver = false;

  send(message: Response): void {
    this.#outgoing.push(create(SessionResponseSchema, { message }));
    this.#wake();
  }

  end(error: AppError | null = null): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *responses(): AsyncGenerator<SessionResponse> {
    for (;;) {
      for (let next = this.#outgoing.shift(); next !== undefined; next = this.#outgoing.shift()) yield next;
      if (this.#end !== null) {
        if (this.#end.error !== null) throw toConnectError(this.#end.error, "test");
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  all<K extends Case>(kind: K): readonly Said<K>[] {
    return this.received.flatMap((message) => (message.case === kind ? [message.value as unknown as Said<K>] : []));
  }

  async waitFor<K extends Case>(kind: K, count = 1): Promise<Said<K>> {
    await vi.waitFor(() => assert(this.all(kind).length >= count, `no ${kind} number ${count}`), patience);
    const found = this.all(kind)[count - 1];
    if (found === undefined) throw new Error(`no ${kind}`);
    return found;
  }

  welcome(
    options: { leaseMs?: number; intervalMs?: number; verdicts?: readonly Verdict[]; takesLogs?: boolean } = {},
  ): void {
    const { held } = this.hello;
    const value = {
      sessionNumber: 1n,
      lease: durationFromMs(options.leaseMs ?? 15_000),
      heartbeatInterval: durationFromMs(options.intervalMs ?? 5000),
      held: held.map((attempt, index) => ({ attempt, verdict: options.verdicts?.[index] ?? Verdict.KEEP })),
      takesLogsWithOutcomes: options.takesLogs ?? false,
    };
    this.send({ case: "welcome", value });
  }

  assign(taskId: string, operatorType: string, more: AssignmentParts = {}): void {
    this.send({ case: "assignment", value: assignment(taskId, operatorType, more) });
  }

  acknowledge(outcome: Outcome, next?: Assignment): void {
    const attempt = outcome.attempt as AttemptRef;
    this.send({ case: "outcomeAck", value: { attempt, accepted: true, ...(next === undefined ? {} : { next }) } });
  }

  get hello(): Hello {
    const [hello] = this.all("hello");
    if (hello === undefined) throw new Error("no hello");
    return hello;
  }
}

/** An executor at the edge of the network: it speaks the protocol as the test wants. */
export class FakeExecutor {
  readonly sessions: FakeSession[] = [];
  /** What becomes of a new session: answered by a welcome unless the test says otherwise. */
  onHello: (session: FakeSession) => void = (session) => session.welcome({ leaseMs: this.leaseMs });
  answersBeats = true;
  leaseMs = 15_000;
  acknowledgesAll = false;
  readonly transport = createRouterTransport((router) => {
    router.service(WorkerSessionService, { session: (requests) => this.#open(requests) });
  });

  /** Lets every worker that is being stopped end at once. */
  acknowledgeAll(): void {
    this.acknowledgesAll = true;
    for (const session of this.sessions) for (const outcome of session.all("outcome")) session.acknowledge(outcome);
  }

  async waitForSession(number: number): Promise<FakeSession> {
    await vi.waitFor(
      () => assert((this.sessions[number - 1]?.received.length ?? 0) > 0, `no session ${number}`),
      patience,
    );
    const session = this.sessions[number - 1];
    if (session === undefined) throw new Error(`no session ${number}`);
    return session;
  }

  #open(requests: AsyncIterable<SessionRequest>): AsyncIterable<SessionResponse> {
    const session = new FakeSession();
    this.sessions.push(session);
    void this.#read(session, requests);
    return session.responses();
  }

  async #read(session: FakeSession, requests: AsyncIterable<SessionRequest>): Promise<void> {
    try {
      for await (const { message } of requests) {
        session.received.push(message);
        if (message.case === "hello") this.onHello(session);
        if (message.case === "outcome" && this.acknowledgesAll) session.acknowledge(message.value);
        if (message.case === "heartbeat" && this.answersBeats) {
          session.send({
            case: "heartbeatReply",
            value: { sequence: message.value.sequence, lease: durationFromMs(this.leaseMs) },
          });
        }
      }
    } finally {
      session.isOver = true;
      session.end();
    }
  }
}

/** An assignment of run1, with what the protocol always says. */
export function assignment(taskId: string, operatorType: string, more: AssignmentParts = {}): Assignment {
  return create(AssignmentSchema, {
    attempt: { dagRunId: "run1", taskId, generation: 1, tryNumber: 1, fence: 1n },
    dagId: "dag1",
    operatorType,
    gracePeriod: durationFromMs(2000),
    executionDate: timestampFromMs(Date.UTC(2026, 0, 2)),
    idempotencyKey: `run1/${taskId}/1.1`,
    maxTries: 1,
    logMaxBytes: 1_000_000n,
    ...more,
  });
}

export const bash = (taskId: string, bash_command: string, more: AssignmentParts = {}) =>
  [taskId, "bash", { operator: { bash_command }, ...more }] as const;
