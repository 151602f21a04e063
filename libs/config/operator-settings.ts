import { z } from "zod";
import { setting } from "./setting-kinds.ts";

/** What processes know of kinds of work beyond the built-in ones. */
export const operators = z.object({
  plugins: setting.list({
    description: "Modules with operators of one's own: files from the process's folder, or installed packages.",
    fallback: [],
    fallbackText: "none",
    itemPattern: /^\S+$/,
    advice: "a list of files and packages such as plugins/row-count.js, @acme/operators",
    mayBeEmpty: true,
  }),
  virtualenvs: setting.textOrNull({
    description: "Folder of the virtualenvs that a worker makes for `requirements`.",
    fallback: null,
    fallbackText: "`virtualenvs` in the data directory",
    pattern: /\S/,
    advice: "a folder",
  }),
});
