/** Names a request of a caller: sent again within a day it is answered as it was at first (G6). */
export interface RequestName {
  readonly caller: string;
  readonly id: string;
}

/** What a request was answered, kept with what it changed: both are written, or neither. */
export interface KeptAnswer extends RequestName {
  /** Tells a repeat from another request under the same id. */
  readonly bodyHash: string;
  readonly runId: string;
  /** Null: the run is the answer. */
  readonly answer: string | null;
}
