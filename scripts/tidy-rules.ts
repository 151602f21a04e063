import { importRules } from "./tidy/import-rules.ts";
import { languageRules } from "./tidy/language-rules.ts";
import { pageRules } from "./tidy/page-rules.ts";
import type { Rule } from "./tidy/rule.ts";
import { sizeRules } from "./tidy/size-rules.ts";
import { textRules } from "./tidy/text-rules.ts";

/** Every rule that `npm run check` applies besides compiler, linter and formatter; tidy.test.ts shows each one red. */
export const tidyRules: readonly Rule[] = [...sizeRules, ...importRules, ...languageRules, ...textRules, ...pageRules];
