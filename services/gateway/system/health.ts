import { describeError } from "#errors/app-error.ts";
import type { DeadLetterStore } from "#ports/dead-letter-store.ts";
import type { Queries } from "#ports/queries.ts";
import type { ComponentStatus, HealthStatus } from "#rpc/service.ts";

/** A component that does not answer in this time, in milliseconds, is away. */
const probeTimeoutMs = 2_000;

const rank: Readonly<Record<HealthStatus, number>> = { healthy: 0, degraded: 1, unhealthy: 2 };

export interface SystemHealth {
  /** The worst of the components. */
  readonly status: HealthStatus;
  readonly components: Readonly<Record<string, ComponentStatus>>;
}

/** Asks the database and counts the workers; answers within the probe's time, whatever is away. */
export async function checkHealth(queries: Queries): Promise<SystemHealth> {
  const [database, workers] = await Promise.all([checkDatabase(queries), checkWorkers(queries)]);
  const components = { database, workers };
  return { status: worstOf(Object.values(components)), components };
}

/** The worst of the components. */
export function worstOf(components: readonly ComponentStatus[]): HealthStatus {
  return components.reduce<HealthStatus>(
    (worst, { status }) => (rank[status] > rank[worst] ? status : worst),
    "healthy",
  );
}

async function checkDatabase(queries: Queries): Promise<ComponentStatus> {
  try {
    await withDeadline(queries.ping());
    return { status: "healthy", detail: "" };
  } catch (error) {
    return { status: "unhealthy", detail: `the database does not answer: ${describeError(error)}` };
  }
}

async function checkWorkers(queries: Queries): Promise<ComponentStatus> {
  try {
    const live = await withDeadline(queries.countWorkers());
    if (live === 0) return { status: "degraded", detail: "no worker is connected: tasks wait; start one" };
    return { status: "healthy", detail: `${live} connected` };
  } catch {
    return { status: "degraded", detail: "can't be told while the database does not answer" };
  }
}

/** How many messages of the bus wait for people; they harm nobody. */
export async function checkDeadLetters(letters: DeadLetterStore): Promise<ComponentStatus> {
  try {
    const count = await withDeadline(letters.countParked());
    return { status: "healthy", detail: count === 0 ? "" : `${count} parked; see \`millrace dead-letters list\`` };
  } catch {
    return { status: "degraded", detail: "can't be told while the database does not answer" };
  }
}

async function withDeadline<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${probeTimeoutMs} ms`)), probeTimeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
