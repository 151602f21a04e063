import { AppError, describeError } from "#errors/app-error.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder; name one file in it",
  EACCES: "this user may not read it",
};

/** What to say when a file that the user named can't be read: `INVALID_ARGUMENT`. */
export function unreadableFile(path: string, cause: unknown): AppError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return new AppError("INVALID_ARGUMENT", `can't read ${path}: ${reasons[code] ?? describeError(cause)}`, { cause });
}
