import { AppError } from "#errors/app-error.ts";

/** `INVALID_ARGUMENT` about one field of a request, named in its details too. */
export function invalidField(field: string, problem: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field} ${problem}`, { details: { field } });
}
