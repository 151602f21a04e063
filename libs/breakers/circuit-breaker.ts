import assert from "node:assert/strict";
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  type CircuitBreakerPolicy,
  CountBreaker,
  handleType,
} from "cockatiel";
import { describeError } from "#errors/app-error.ts";
import type { BreakerChange, BreakerStatus } from "#ports/breaker-status.ts";
import type { BreakerOptions, BreakerPolicy } from "./breaker-options.ts";
import { ChangeLog } from "./change-log.ts";
import { OpenTime } from "./open-time.ts";

/** What is called was in trouble, or took too long. */
class CallFailure extends Error {}
/** The call began before the breaker's last change and tells nothing of the present. */
class LateAnswer extends Error {}

export interface CircuitBreaker {
  readonly status: BreakerStatus;
  /** Calls, unless the breaker is open. The caller always gets the call's own answer, however long it takes. */
  run<T>(call: () => Promise<T>): Promise<T>;
  /** Something else says that what is called is back: the next call is tried although the time is not over. */
  tryNow(): void;
  /** Called at each change; the answer ends it. */
  onChange(listener: (change: BreakerChange) => void): () => void;
}

/** One breaker, closed. Throws RangeError for a policy that can't be kept. */
export function createBreaker(options: BreakerOptions): CircuitBreaker {
  return new CockatielBreaker(options);
}

/** cockatiel counts and decides; what counts, the clock, the window of the half-open state and the history are here. */
class CockatielBreaker implements CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #log: ChangeLog;
  #policy: CircuitBreakerPolicy;
  /** Number of the last change. */
  #change = 0;
  #changedAt = 0;
  #mayTryNow = false;
  /** How long it is open this time. */
  #openMs = 0;
  #tries = { answered: 0, failed: 0 };
  #lastFailure = "";

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#log = new ChangeLog(options.name, options.logger);
    this.#policy = this.#createPolicy();
  }

  get status(): BreakerStatus {
    return this.#log.status;
  }

  onChange(listener: (change: BreakerChange) => void): () => void {
    return this.#log.listen(listener);
  }

  tryNow(): void {
    this.#mayTryNow = true;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#closeAfterWindow();
    const begun: { answer: Promise<T> | null } = { answer: null };
    try {
      await this.#policy.execute(() => {
        const answer = begin(call);
        begun.answer = answer;
        return this.#judge(answer);
      });
    } catch (thrown) {
      if (begun.answer === null) throw thrown instanceof BrokenCircuitError ? this.#refusal() : thrown;
    }
    this.#closeAfterWindow();
    return begun.answer ?? assert.fail(`breaker ${this.#options.name} let a call through and did not make it`);
  }

  /** Settles as soon as it is known whether the call counts as a failure; then `answer` may still be under way. */
  #judge(answer: Promise<unknown>): Promise<void> {
    const { clock, isFailure, policy } = this.#options;
    const { state } = this.#policy;
    const begunAt = this.#change;
    const limitMs = state === CircuitState.Closed ? policy.slowCallMs.closed : policy.slowCallMs.halfOpen;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (problem: string): void => {
      if (begunAt !== this.#change) return reject(new LateAnswer());
      this.#lastFailure = problem;
      this.#tries.failed += 1;
      reject(new CallFailure());
    };
    const succeed = (): void => {
      if (begunAt !== this.#change) return reject(new LateAnswer());
      this.#tries.answered += 1;
      resolve();
    };
    const timer = clock.after(limitMs, () => fail(`no answer within ${limitMs} ms`));
    answer.then(
      () => {
        timer.cancel();
        succeed();
      },
      (error: unknown) => {
        timer.cancel();
        if (isFailure(error)) fail(describeError(error));
        else succeed();
      },
    );
    return promise;
  }

  #refusal(): unknown {
    const { refuse, clock } = this.#options;
    const retryInMs = Math.max(0, Math.ceil(this.#changedAt + this.#openMs - clock.now()));
    return refuse(this.#log.status.changes.at(-1)?.cause ?? "", retryInMs);
  }

  #isTimeToTry(openMs: number): boolean {
    this.#openMs = openMs;
    return this.#mayTryNow || this.#options.clock.now() - this.#changedAt >= openMs;
  }

  /** The window of the half-open state is over: what answered so far decides, where something did. */
  #closeAfterWindow(): void {
    const { clock, policy } = this.#options;
    if (this.#policy.state !== CircuitState.HalfOpen || clock.now() - this.#changedAt < policy.halfOpen.windowMs)
      return;
    const { answered, failed } = this.#tries;
    if (answered === 0 || failed / (answered + failed) >= policy.halfOpen.failureRatio) return;
    this.#policy = this.#createPolicy();
    this.#note(CircuitState.Closed);
  }

  #createPolicy(): CircuitBreakerPolicy {
    const { opens, halfOpen } = this.#options.policy;
    const counter = createCounter(opens);
    const policy = circuitBreaker(handleType(CallFailure), {
      breaker: counter,
      halfOpenAfter: new OpenTime(this.#options.policy, (ms) => this.#isTimeToTry(ms)),
      halfOpenSampling: { calls: halfOpen.calls, threshold: thresholdBelow(halfOpen) },
    });
    policy.onStateChange((state) => {
      if (policy !== this.#policy) return;
      // cockatiel keeps the last try as the first of the calls that are counted from then on.
      if (state === CircuitState.Closed) counter.state = createCounter(opens).state;
      this.#note(state);
    });
    return policy;
  }

  #note(state: CircuitState): void {
    const { answered, failed } = this.#tries;
    const before = this.#log.status.state;
    this.#change += 1;
    this.#changedAt = this.#options.clock.now();
    this.#tries = { answered: 0, failed: 0 };
    if (state === CircuitState.Open) {
      this.#mayTryNow = false;
      const which = before === "half_open" ? "tries" : "calls";
      this.#log.add("open", `${failed} ${which} failed, the last: ${this.#lastFailure}`);
    } else if (state === CircuitState.HalfOpen) {
      this.#log.add("half_open", this.#mayTryNow ? "it answers again, as was seen beside" : "its time is over");
    } else {
      this.#log.add("closed", `${answered} of ${answered + failed} tries were answered`);
    }
  }
}

/** Begins at once; what the call throws is its answer too. */
async function begin<T>(call: () => Promise<T>): Promise<T> {
  return call();
}

function createCounter(opens: BreakerPolicy["opens"]): CountBreaker {
  return new CountBreaker({ size: opens.calls, threshold: thresholdBelow(opens) });
}

/** cockatiel acts on more than its threshold: halfway below the first number of calls that is the ratio or more. */
function thresholdBelow({ failureRatio, calls }: { readonly failureRatio: number; readonly calls: number }): number {
  const first = Math.max(1, Math.ceil(failureRatio * calls - Number.EPSILON * calls));
  return (first - 0.5) / calls;
}
