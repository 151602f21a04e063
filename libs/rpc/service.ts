import type { ConnectRouter } from "@connectrpc/connect";

export type HealthStatus = "healthy" | "degraded" | "unhealthy";

export interface ComponentStatus {
  readonly status: HealthStatus;
  /** Why, for people; empty when healthy. */
  readonly detail: string;
}

/** One of the five services, ready to be put on a port or behind the in-process transport. */
export interface Service {
  readonly name: "parser" | "scheduler" | "executor" | "worker" | "gateway";
  /** Registers its RPC handlers. */
  readonly routes: (router: ConnectRouter) => void;
  /** Largest message that it takes, in bytes; absent: the server's default. */
  readonly maxMessageBytes?: number;
  /** Begins its loops; resolves when it can take work. */
  start(): Promise<void>;
  /**
   * Settles when the service has ended by itself, as a drained worker does, and its process has nothing left to do; rejects
   * when that is a failure. Absent: only `stop` ends it.
   */
  ended?(): Promise<void>;
  /** Ends loops and streams in order; resolves when nothing of it runs any more. */
  stop(): Promise<void>;
  health(): Readonly<Record<string, ComponentStatus>>;
}
