import { AppError } from "#errors/app-error.ts";
import { createReadyOffers } from "./dispatch/ready-offers.ts";
import { createRunOffers } from "./dispatch/run-offers.ts";
import { Dispatcher } from "./dispatch/dispatcher.ts";
import { servedBackends } from "./dispatch/served-backends.ts";
import { TicketPublisher } from "./dispatch/ticket-publisher.ts";
import { EventRelay } from "./events/event-relay.ts";
import type { ExecutorCoreOptions } from "./executor-core.ts";
import { admitRuns } from "./runs/admit-runs.ts";
import { RunEffects } from "./runs/run-effects.ts";
import { RunWriter } from "./runs/run-writer.ts";
import { handOffWorkers } from "./sessions/hand-off-workers.ts";
import { SessionRegistry } from "./sessions/session-registry.ts";
import { processDue } from "./upkeep/due-loop.ts";
import { PacedLoop } from "./upkeep/paced-loop.ts";
import { Reaper } from "./upkeep/reaper.ts";
import { RepairScan } from "./upkeep/repair-scan.ts";
import { processWaits } from "./waits/wait-loop.ts";

/** The parts that advance runs, wired to each other. */
export interface ExecutorParts {
  readonly submit: RunWriter["submit"];
  /** Called when a worker has a slot that it had not. */
  readonly slotsFreed: () => void;
  readonly claiming: (runKeys: readonly number[]) => void;
  readonly sessions: SessionRegistry;
  readonly effects: RunEffects;
  readonly writer: RunWriter;
  readonly dispatcher: Dispatcher;
  readonly offerRun: (runKey: string) => void;
  readonly repair: RepairScan;
  readonly eventRelay: EventRelay;
  readonly due: PacedLoop;
  readonly waits: PacedLoop;
  readonly scans: PacedLoop;
  readonly relay: PacedLoop;
  readonly admission: PacedLoop;
}

export function createParts(options: ExecutorCoreOptions): ExecutorParts {
  const { store, clock, logger, assignments, handOff } = options;
  const backends = servedBackends(options.backend, options.bus !== null);
  const sessions = new SessionRegistry();
  // A slot that something else has with the same write is not there for the hand-off.
  const submit: RunWriter["submit"] = (submission) =>
    writer.submit(dispatcher.fillFreed(submission) ? { ...submission, freesSlotOf: null } : submission);
  const claiming = (runKeys: readonly number[]): void => void assignments.prefetch(runKeys);
  const slotsFreed = (): void => dispatcher.slotsFreed();
  const effects = new RunEffects({
    ...{ store, clock, sessions, assignments, logger, submit, slotsFreed },
    dueIn: (ms) => loops.due.pokeIn(ms),
    waitIn: (ms) => loops.waits.pokeIn(ms),
    offerReady: (decision) => readyOffers?.offer(decision) ?? false,
  });
  const writer = new RunWriter({
    ...{ store, clock, logger },
    workers: handOffWorkers({
      ...{ sessions, backends, slotsFreed },
      scope: (runKey) => dispatcher.handOffScope(runKey),
      maySpare: () => !dispatcher.isPicking,
    }),
    onDecided: (decision) => {
      if (decision.readyOrdinals.length > 0) readyOffers?.announce(decision);
    },
    onApplied: (run, decision) => effects.perform(run, decision),
    onUncertain: (run) => effects.recover(run),
  });
  const { bus, redispatchAfterMs, reserveAfterMs } = options;
  const dispatching = { store, clock, sessions, submit, redispatchAfterMs, logger, backends };
  const tickets = bus === null ? null : new TicketPublisher({ ...dispatching, bus });
  const dispatcher = new Dispatcher({ ...dispatching, tickets, claiming, reserveAfterMs, handOff });
  const mayOffer = (): boolean => handOff && !dispatcher.hasBacklog && sessions.freeSlots > 0;
  const readyOffers =
    tickets === null || handOff
      ? null
      : createReadyOffers({ sessions, tickets, mayOffer: () => !dispatcher.hasBacklog && !dispatcher.isPicking });
  const offerRun = createRunOffers({ submit, claiming, mayOffer, wake: () => dispatcher.wake() });
  const repair = new RepairScan({ store, sessions, effects, submit });
  const eventRelay = new EventRelay(store, options.executorId, clock);
  const loops = createLoops(options, { submit, sessions, repair, dispatcher, eventRelay });
  const advancing = { submit, slotsFreed, claiming, sessions, effects, writer, dispatcher, offerRun };
  return { ...advancing, repair, eventRelay, ...loops };
}

function createLoops(
  options: ExecutorCoreOptions,
  {
    submit,
    sessions,
    repair,
    dispatcher,
    eventRelay,
  }: Pick<ExecutorParts, "submit" | "sessions" | "repair" | "dispatcher" | "eventRelay">,
): Pick<ExecutorParts, "due" | "waits" | "scans" | "relay" | "admission"> {
  const { store, clock, logger, workerLeaseMs, scanIntervalMs } = options;
  const endSession = (workerKey: number): void => {
    const error = new AppError("WORKER_REFUSED", "the worker's lease was over and it is lost; start a new session");
    sessions.get(workerKey)?.outgoing.close(error);
  };
  const reaper = new Reaper({ store, clock, logger, workerLeaseMs, scanIntervalMs, submit, endSession });
  const loop = (name: string, round: () => Promise<number | null>): PacedLoop =>
    new PacedLoop({ name, intervalMs: scanIntervalMs, clock, logger, round });
  return {
    due: loop("due", () => processDue(store, submit)),
    waits: loop("waits", () => processWaits({ ...options, submit })),
    relay: loop("relay", () => eventRelay.round()),
    admission: loop("admission", () => admitRuns(store, submit)),
    scans: loop("scan", async () => {
      await reaper.scan();
      await repair.scan();
      dispatcher.wake();
      return null;
    }),
  };
}
