import type { RunEvent } from "#core/run-event.ts";
import type { NewRun } from "#ports/new-run.ts";
import type { Store } from "#ports/store.ts";
import type { SubmissionResult } from "#services/executor/runs/turn.ts";
import type { SimDatabase } from "../database/sim-database.ts";
import { createSimStore } from "../database/sim-store.ts";
import type { SimWakes } from "../database/sim-wakes.ts";
import { RandomStream } from "../world/random.ts";
import type { SimProcess } from "../world/sim-process.ts";
import type { World } from "../world/world.ts";
import type { SimExecutor } from "./sim-executor.ts";

const retryMs = 300;
const callDelayMs = 1;

/** People and programs: they trigger runs and change them, and ask again until they are answered. */
export class SimClient {
  readonly #world: World;
  readonly #process: SimProcess;
  readonly #store: Store;
  readonly #executors: readonly SimExecutor[];
  readonly #random: RandomStream;
  /** Run ids by request id, as they were answered. */
  readonly acknowledged = new Map<string, string>();
  #open = 0;

  constructor(
    world: World,
    process: SimProcess,
    parts: { readonly database: SimDatabase; readonly wakes: SimWakes; readonly executors: readonly SimExecutor[] },
  ) {
    this.#world = world;
    this.#process = process;
    this.#executors = parts.executors;
    this.#store = createSimStore(parts.database, process, parts.wakes);
    this.#random = new RandomStream(world.seed, "client");
  }

  /** Nothing that it asked for is unanswered. */
  get isIdle(): boolean {
    return this.#open === 0;
  }

  /** Asks for a run until it is answered; `copies` askers at once use one request id. */
  trigger(run: NewRun, copies: number): void {
    for (let copy = 0; copy < copies; copy += 1) {
      this.#open += 1;
      // A repeated request comes with what was drawn anew: the first one's run must be the answer.
      void this.#trigger({ ...run, runId: copy === 0 ? run.runId : `${run.runId}_${copy}` });
    }
  }

  async #trigger(run: NewRun): Promise<void> {
    try {
      const result = await this.#store.runs.createRun(run);
      this.#open -= 1;
      const id = run.request?.id ?? "";
      if (result.kind !== "created" && result.kind !== "repeated") {
        this.#world.violate(`request ${id} was answered ${result.kind} (G6)`);
        return;
      }
      const known = this.acknowledged.get(id) ?? result.runId;
      if (known !== result.runId) this.#world.violate(`request ${id} made ${known} and ${result.runId} (G6)`);
      this.acknowledged.set(id, result.runId);
      this.#world.note("client", `${result.kind} ${result.runId}`);
    } catch {
      this.#process.after(retryMs, () => void this.#trigger(run));
    }
  }

  /** Sends a change of a run to some executor until one answers. */
  change(runKey: number, event: RunEvent, answered: (result: SubmissionResult) => void = () => undefined): void {
    this.#open += 1;
    this.#change({ runKey, event, answered, isAnswered: false });
  }

  #change(call: {
    runKey: number;
    event: RunEvent;
    answered: (result: SubmissionResult) => void;
    isAnswered: boolean;
  }): void {
    const { runKey, event, answered } = call;
    const executor = this.#random.pick(this.#executors);
    const answer = (result: SubmissionResult | null): void => {
      if (call.isAnswered || result === null) return;
      call.isAnswered = true;
      this.#open -= 1;
      answered(result);
    };
    this.#world.at(this.#world.now + callDelayMs, executor.process, () => {
      executor.core?.submit({ runKey, event, freesSlotOf: null }).then(
        (result) => this.#process.after(callDelayMs, () => answer(result)),
        () => undefined,
      );
    });
    this.#process.after(20 * retryMs, () => {
      if (!call.isAnswered) this.#change(call);
    });
  }
}
