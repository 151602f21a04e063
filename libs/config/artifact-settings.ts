import { z } from "zod";
import { retentionSetting } from "./retention-setting.ts";
import { setting } from "./setting-kinds.ts";

function textOrNone(options: { description: string; pattern: RegExp; advice: string; variable?: string }) {
  return setting.textOrNull({ ...options, fallback: null, fallbackText: "none" });
}

function credential(description: string, variable: string) {
  return setting.textOrNull({
    description,
    fallback: null,
    fallbackText: "none",
    variable,
    isSecret: true,
    pattern: /^\S+$/,
    advice: "text without blanks",
  });
}

/** Where files are kept that tasks leave. */
export const artifacts = z.object({
  retentionMs: retentionSetting("artifacts", "30d"),
  directory: textOrNone({
    description: "Folder of the files that tasks leave, shared by executors and gateways; none: in the data directory.",
    pattern: /\S/,
    advice: "a folder",
  }),
  objectStore: z.object({
    bucket: textOrNone({
      description: "Bucket that they are kept in, in place of the folder.",
      pattern: /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      advice: "the name of a bucket: 3 to 63 small letters, digits, dots and hyphens",
    }),
    endpoint: textOrNone({
      description: "Address of the object store, without the bucket.",
      pattern: /^https?:\/\/[^\s/?#@]+\/?$/,
      advice: "an address such as https://s3.eu-central-1.amazonaws.com",
    }),
    region: setting.text({ description: "Region of the bucket.", fallback: "us-east-1", variable: "AWS_REGION" }),
    prefix: textOrNone({
      description: "What the keys of its objects begin with.",
      pattern: /^(?:[A-Za-z0-9_-]{1,100}\/){1,5}$/,
      advice: "folders such as millrace/production/",
    }),
    accessKeyId: credential("Name of the key for the bucket.", "AWS_ACCESS_KEY_ID"),
    secretAccessKey: credential("The key for the bucket.", "AWS_SECRET_ACCESS_KEY"),
  }),
});

/** What must be said together, by the setting that lacks it. */
export function artifactConflicts({
  objectStore,
}: z.output<typeof artifacts>): readonly { readonly path: readonly string[]; readonly message: string }[] {
  if (objectStore.bucket === null) return [];
  const needed = ["endpoint", "accessKeyId", "secretAccessKey"] as const;
  return needed.flatMap((name) =>
    objectStore[name] === null
      ? [{ path: ["objectStore", name], message: "is needed with artifacts.object_store.bucket" }]
      : [],
  );
}
