import { stringify } from "yaml";
import type { JsonObject } from "#definition/model.ts";

/** The content of an instance as its file would say it. */
export function instanceText(instance: {
  name: string;
  range: string;
  id: string | null;
  parameters: JsonObject;
}): string {
  const { name, range, id, parameters } = instance;
  const document = {
    ...(id === null ? {} : { id }),
    from_template: { name, version: range, parameters },
  };
  return stringify(document, { version: "1.2", aliasDuplicateObjects: false, defaultStringType: "QUOTE_DOUBLE" });
}
