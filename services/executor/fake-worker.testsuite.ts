import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { vi } from "vitest";
import {
  type Assignment,
  type AttemptRef,
  type HelloSchema,
  OutcomeKind,
  type SessionRequest,
  SessionRequestSchema,
  type SessionResponse,
  WorkerSessionService,
} from "#gen/millrace/v1/worker_session_service_pb.js";

type Request = NonNullable<MessageInitShape<typeof SessionRequestSchema>["message"]>;
type Received = SessionResponse["message"];
type Case = NonNullable<Received["case"]>;
type Said<K extends Case> = Extract<Received, { case: K }>["value"];

export interface FakeWorkerOptions {
  readonly workerId: string;
  readonly incarnation?: string;
  readonly previousIncarnation?: string;
  readonly slots?: number;
  readonly held?: readonly AttemptRef[];
  /** Those of `held` that have ended. */
  readonly outcomes?: readonly AttemptRef[];
  /** More of the hello. */
  readonly hello?: MessageInitShape<typeof HelloSchema>;
}

/** The worker's end of a session, in the test's hand: it runs nothing and says what the test says. */
export class FakeWorker {
  readonly received: Received[] = [];
  /** Every assignment, pushed, claimed or riding on an acknowledgement, in order. */
  readonly assignments: Assignment[] = [];
  error: unknown = null;
  isOver = false;
  readonly #outgoing: SessionRequest[] = [];
  #wake: () => void = () => undefined;
  #isClosed = false;
  #beats = 0n;

  /** Says hello; the answers are read until the session ends. */
  static connect(transport: Transport, options: FakeWorkerOptions): FakeWorker {
    const worker = new FakeWorker();
    worker.send({
      case: "hello",
      value: {
        workerId: options.workerId,
        incarnation: options.incarnation ?? `${options.workerId}-1`,
        previousIncarnation: options.previousIncarnation ?? "",
        protocolVersion: 1,
        programVersion: "test",
        hostname: "test",
        queues: ["default"],
        slots: options.slots ?? 4,
        held: [...(options.held ?? [])],
        outcomes: [...(options.outcomes ?? [])],
        ...options.hello,
      },
    });
    void worker.#read(transport);
    return worker;
  }

  send(message: Request): void {
    this.#outgoing.push(create(SessionRequestSchema, { message }));
    this.#wake();
  }

  beat(held: readonly AttemptRef[]): bigint {
    this.#beats += 1n;
    this.send({ case: "heartbeat", value: { sequence: this.#beats, held: [...held] } });
    return this.#beats;
  }

  succeed(assignment: Assignment, outputs: readonly { key: string; json: string }[] = []): void {
    const attempt = refOf(assignment);
    this.send({ case: "outcome", value: { attempt, kind: OutcomeKind.SUCCESS, outputs: [...outputs] } });
  }

  /** The assignment of a task, or of an item of it, once it has come. */
  async assigned(taskId: string, tryNumber = 1, mapIndex?: number): Promise<Assignment> {
    return vi.waitFor(() => {
      const found = this.assignments.find(
        ({ attempt }) => attempt?.taskId === taskId && attempt.tryNumber === tryNumber && attempt.mapIndex === mapIndex,
      );
      if (found === undefined) throw new Error(`${taskId} was not assigned; ${this.assignments.length} others were`);
      return found;
    }, patience);
  }

  /** The first message of this kind that fits, once it has come. */
  async heard<K extends Case>(kind: K, fits: (value: Said<K>) => boolean = () => true): Promise<Said<K>> {
    const isMeant = (message: Received): boolean => message.case === kind && fits(message.value as Said<K>);
    await vi.waitFor(() => {
      if (!this.received.some(isMeant))
        throw new Error(`heard no ${kind}; heard ${this.received.map((message) => message.case).join(", ")}`);
    }, patience);
    return this.received.find(isMeant)?.value as Said<K>;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    await vi.waitFor(() => {
      if (!this.isOver) throw new Error("the session goes on");
    }, patience);
  }

  async #read(transport: Transport): Promise<void> {
    try {
      for await (const { message } of createClient(WorkerSessionService, transport).session(this.#requests())) {
        this.received.push(message);
        if (message.case === "assignment") this.assignments.push(message.value);
        if (message.case === "claimReply" && message.value.verdict.case === "assignment")
          this.assignments.push(message.value.verdict.value);
        if (message.case === "outcomeAck" && message.value.next !== undefined)
          this.assignments.push(message.value.next);
      }
    } catch (error) {
      this.error = error;
    }
    this.isOver = true;
  }

  async *#requests(): AsyncGenerator<SessionRequest> {
    for (;;) {
      for (let next = this.#outgoing.shift(); next !== undefined; next = this.#outgoing.shift()) yield next;
      if (this.#isClosed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export const patience = { timeout: 10_000, interval: 5 };

export function refOf({ attempt }: Assignment): AttemptRef {
  if (attempt === undefined) throw new Error("an assignment names its attempt");
  return attempt;
}
