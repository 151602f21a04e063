import type { SessionResponse } from "#gen/millrace/v1/worker_session_service_pb.js";
import { describeError } from "#errors/app-error.ts";
import type { Bus } from "#ports/bus.ts";
import type { Clock, Timer } from "#ports/clock.ts";
import type { PoisonMessage } from "#ports/ticket-consumer.ts";
import type { LogPiece } from "#runner/runner-protocol.ts";
import type { Logger } from "#telemetry/logger.ts";
import type { SendArtifact } from "./artifact-keeping.ts";
import { ArtifactUploads } from "./artifact-uploads.ts";
import { type Assignment, type AttemptRef, type AttemptReport, failureReport, keyOf } from "./attempt.ts";
import type { Execution } from "./attempt-execution.ts";
import type { AttemptUse } from "./attempt-usage-message.ts";
import { AttemptLogs, type NumberedChunk } from "./attempt-logs.ts";
import type { OutcomeSpool } from "./outcome-spool.ts";
import type { ResourceUsage } from "./pressure.ts";
import type { ConnectionHandlers, SessionConnection } from "./session-connection.ts";
import { toEvents } from "./session-events.ts";
import { toLogChunkMessage, toOutcomeMessage, toPoisonReport, toRequest } from "./session-messages.ts";
import type { SessionState } from "./session-model.ts";
import type { SessionEffect, SessionEvent } from "./session-signals.ts";
import { type SpokenEffect, toHello, toMessage, type WorkerTraits } from "./session-speech.ts";
import { nextWakeAt, step } from "./session-state.ts";
import { ticketIntake } from "./session-tickets.ts";
import { TicketConsumption } from "./ticket-consumption.ts";

const maxTimerMs = 2 ** 31 - 1;
/** The runner watches the lease too, for a session process that is frozen; it acts this much later. */
const runnerLeaseDelayMs = 50;

type Message = Parameters<typeof toRequest>[0];
type EffectOf<K extends SessionEffect["kind"]> = Extract<SessionEffect, { kind: K }>;

export interface SessionLoopOptions extends WorkerTraits {
  readonly clock: Clock;
  /** Opens a stream to one of the executors, by its place in the list. */
  readonly connect: (executor: number, handlers: ConnectionHandlers) => SessionConnection;
  readonly execute: (assignment: Assignment, onLog: (piece: LogPiece) => void, sendArtifact: SendArtifact) => Execution;
  /** Tells the runner to kill everything after so many milliseconds, for when this process is frozen. */
  readonly setRunnerLease: (ms: number) => void;
  readonly spool: OutcomeSpool;
  /** Null: attempts come over the session alone. */
  readonly bus: Pick<Bus, "consumeTickets"> | null;
  readonly logger: Logger;
  readonly recordIncarnations: (incarnations: readonly string[]) => void;
  /** How full the machine is; null: nobody measures. */
  readonly measure: (() => Promise<ResourceUsage>) | null;
  /** Called when every executor in turn has refused the worker. */
  readonly onRefused: (problem: string) => void;
}

/** The thin shell around `step`: turns what happens into events, performs the effects, and keeps one timer. */
export class SessionLoop {
  readonly #options: SessionLoopOptions;
  readonly #logs: AttemptLogs;
  readonly #artifacts = new ArtifactUploads((key, message) =>
    this.#connection?.outbound.sendBulk(key, toRequest(message)),
  );
  readonly #executions = new Map<string, Execution>();
  readonly #events: SessionEvent[] = [];
  readonly #over = Promise.withResolvers<void>();
  readonly #firstContact = Promise.withResolvers<void>();
  readonly #tickets: TicketConsumption | null;
  #state: SessionState;
  #connection: SessionConnection | null = null;
  /** The executor stores a log that comes with its outcome. */
  #takesLogs = false;
  /** Settles when the connection that was closed last has ended. */
  #farewell: Promise<void> = Promise.resolve();
  #isStepping = false;
  #timer: Timer | null = null;
  #timerAt: number | null = null;

  constructor(state: SessionState, options: SessionLoopOptions) {
    this.#state = state;
    this.#options = options;
    const { bus, clock } = options;
    this.#logs = new AttemptLogs(clock, (chunk) => this.#sendChunk(chunk));
    const dispatch = (event: SessionEvent): void => this.dispatch(event);
    const reportPoison = (poison: PoisonMessage): void => this.#send(toPoisonReport(poison));
    this.#tickets = bus === null ? null : new TicketConsumption({ ...options, bus, dispatch, reportPoison });
  }

  /** Resolves when the worker has nothing left to do. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Resolves when an executor has welcomed the worker, or a first try has failed and goes on. */
  get firstContact(): Promise<void> {
    return this.#firstContact.promise;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Steps at once, or after the present step when called from one of its effects. */
  dispatch(event: SessionEvent): void {
    this.#events.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        const { state, effects } = step(this.#state, next, this.#options.clock.now());
        this.#state = state;
        for (const effect of effects) this.#perform(effect);
        this.#tickets?.setIntake(ticketIntake(state));
        const session = state.link.kind === "ready" ? state.link.connection : null;
        this.#tickets?.setSession(session);
        this.#artifacts.setSession(session);
        if (next.kind === "welcome" || next.kind === "closed") this.#firstContact.resolve();
      }
    } finally {
      this.#isStepping = false;
    }
    if (this.#state.link.kind === "over") this.#end();
    else this.#armTimer();
  }

  /** What the next beats tell of the machine; begun before the first session, so that the first beat tells already. */
  measure(): void {
    const { measure, logger } = this.#options;
    measure?.().then(
      (usage) => this.dispatch({ kind: "measured", usage }),
      (error: unknown) => logger.debug({ error: describeError(error) }, "the machine could not be measured"),
    );
  }

  #usages(held: readonly AttemptRef[]): readonly AttemptUse[] {
    return held.flatMap((ref) => {
      const usage = this.#executions.get(keyOf(ref))?.usage?.() ?? null;
      return usage === null ? [] : [{ ref, usage }];
    });
  }

  #end(): void {
    this.#timer?.cancel();
    this.#firstContact.resolve();
    const goodbyes = [this.#farewell, this.#tickets?.closed ?? Promise.resolve()];
    void Promise.allSettled(goodbyes).then(() => this.#over.resolve());
  }

  #armTimer(): void {
    const at = nextWakeAt(this.#state);
    if (at === this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    if (at === null) return;
    const { clock } = this.#options;
    const delayMs = Math.min(maxTimerMs, Math.max(0, Math.ceil(at - clock.now())));
    this.#timer = clock.after(delayMs, () => {
      this.#timerAt = null;
      this.dispatch({ kind: "tick" });
    });
  }

  #perform(effect: SessionEffect): void {
    switch (effect.kind) {
      case "connect":
        this.#connect(effect);
        return;
      case "disconnect":
        this.#farewell = this.#connection?.close() ?? this.#farewell;
        this.#connection = null;
        return;
      case "run":
        this.#run(effect.assignment);
        return;
      case "stop":
        this.#executions.get(effect.key)?.stop(effect.reason, effect.graceMs);
        return;
      case "send_beat":
        this.#send(toMessage(effect, this.#usages(effect.held)));
        this.measure();
        return;
      case "pass_ticket":
        this.#tickets?.pass(effect.delivery);
        return;
      case "keep":
        this.#options.spool.put({ key: keyOf(effect.ref), ref: effect.ref, report: effect.report });
        return;
      case "forget":
        this.#options.spool.remove(effect.key);
        return;
      case "extend_lease":
        this.#options.setRunnerLease(effect.until - this.#options.clock.now() + runnerLeaseDelayMs);
        return;
      case "record_incarnations":
        this.#options.recordIncarnations(effect.incarnations);
        return;
      case "tell_refusal":
        this.#options.onRefused(effect.problem);
        return;
      case "note":
        this.#options.logger[effect.level](effect.fields, effect.text);
        return;
      default:
        this.#say(effect);
    }
  }

  #say(
    effect: Exclude<SpokenEffect, EffectOf<"send_beat">> | EffectOf<"send_outcome" | "send_unacknowledged_logs">,
  ): void {
    if (effect.kind === "send_outcome") this.#sendOutcome(effect.ref, effect.report);
    else if (effect.kind === "send_released") this.#sendLast(effect.ref, toMessage(effect));
    else if (effect.kind !== "send_unacknowledged_logs") this.#send(toMessage(effect));
    else this.#logs.sendAgain();
  }

  #send(message: Message): void {
    this.#connection?.outbound.send(toRequest(message));
  }

  #sendChunk(chunk: NumberedChunk): void {
    if (this.#state.link.kind === "ready")
      this.#connection?.outbound.sendBulk(keyOf(chunk.ref), toRequest(toLogChunkMessage(chunk)));
  }

  #sendOutcome(ref: AttemptRef, report: AttemptReport): void {
    const { log, ...rest } = report;
    // Kept by itself from now on, until that executor or another confirms it.
    if (log !== undefined && !this.#takesLogs) this.#logs.takeBack(ref, log);
    this.#sendLast(ref, { case: "outcome", value: toOutcomeMessage(ref, this.#takesLogs ? report : rest) });
  }

  /** After the attempt's last chunk, and so behind those that still wait. */
  #sendLast(ref: AttemptRef, message: Message): void {
    const key = keyOf(ref);
    const outbound = this.#connection?.outbound;
    if (outbound?.hasBulk(key) === true) outbound.sendBulk(key, toRequest(message));
    else outbound?.send(toRequest(message));
  }

  #connect(effect: EffectOf<"connect">): void {
    const { connection, executor } = effect;
    const { clock } = this.#options;
    this.#connection = this.#options.connect(executor, {
      onMessage: (message) => this.#receive(connection, message),
      onClosed: (end) => this.dispatch({ kind: "closed", connection, ...end, random: clock.random() }),
    });
    this.#send(toHello(effect, this.#options));
  }

  #receive(connection: number, message: SessionResponse): void {
    if (message.message.case === "welcome") this.#takesLogs = message.message.value.takesLogsWithOutcomes;
    for (const event of toEvents(connection, message)) {
      if (event.kind === "log_acknowledged") this.#logs.acknowledge(event.key, event.sequence);
      else if (event.kind === "artifact_acknowledged") this.#artifacts.receive(event.ack);
      else if (event.kind === "poison_parked") this.#tickets?.poisonParked(event.place);
      else this.dispatch(event);
    }
  }

  #run(assignment: Assignment): void {
    const { ref } = assignment;
    const key = keyOf(ref);
    this.#logs.begin(ref, (cost) => this.#executions.get(key)?.addLogCredit(cost));
    const sendArtifact: SendArtifact = (file, signal) => this.#artifacts.send(ref, file, signal);
    const execution = this.#options.execute(assignment, (piece) => this.#logs.add(key, piece), sendArtifact);
    this.#executions.set(key, execution);
    execution.ended.then(
      (report) => this.#finish(key, report),
      (error: unknown) => {
        this.#options.logger.error(
          { err: error, dag_run_id: ref.dagRunId, task_id: ref.taskId },
          "attempt failed inside the worker",
        );
        this.#finish(key, failureReport("worker_error", "the worker failed to run the attempt; its log has the cause"));
      },
    );
  }

  #finish(key: string, report: AttemptReport): void {
    this.#executions.delete(key);
    // What was told to end may have no outcome to take it along.
    if (!this.#takesLogs || this.#state.held.get(key)?.stage !== "running") this.#logs.flush(key);
    const log = this.#logs.takeShort(key);
    const logChunks = this.#logs.countOf(key);
    this.dispatch({ kind: "finished", key, report: { ...report, logChunks, ...(log === null ? {} : { log }) } });
    for (const { dagRunId: dag_run_id, taskId: task_id } of this.#logs.end(key)) {
      this.#options.logger.warn({ dag_run_id, task_id }, "log given up: nobody confirmed it for too long");
    }
  }
}
