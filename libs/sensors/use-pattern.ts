import { AppError, describeError } from "#errors/app-error.ts";

/** What a pattern of an author gives. Throws SENSOR_FAILED, with the key that holds the pattern, for what is too long for it. */
export function usePattern<T>(key: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    throw new AppError("SENSOR_FAILED", `\`${key}\` ${describeError(cause)}`, { cause });
  }
}
