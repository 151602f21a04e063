/** One problem of a file as it is kept with its import error; lines and columns count from 1. */
export interface StoredProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly warning: boolean;
}
