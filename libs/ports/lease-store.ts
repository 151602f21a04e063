export interface Lease {
  readonly epoch: number;
}

/** Leadership by rows, without session locks (poolers in transaction mode strand them). */
export interface LeaseStore {
  /** Takes the lease if it is free, over, or already this holder's; the epoch grows when the holder changes. */
  acquire(options: { name: string; holder: string; ttlMs: number }): Promise<Lease | null>;
  /** Gives it back, so that another need not wait. */
  release(options: { name: string; holder: string }): Promise<void>;
  /** The number that is kept with the lease, whoever holds it, from 0; null: this epoch no longer leads. */
  readCounter(options: { name: string; epoch: number }): Promise<number | null>;
  /** False: this epoch no longer leads; nothing changed. */
  writeCounter(options: { name: string; epoch: number; counter: number }): Promise<boolean>;
}
