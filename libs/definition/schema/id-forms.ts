import type { JsonObject } from "../model.ts";

export const dagIdPattern = /^[A-Za-z0-9_.-]{1,200}$/;
export const taskIdPattern = /^[A-Za-z_][A-Za-z0-9_-]{0,199}$/;
export const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The forms in words, for hints. */
export const dagIdWords = "1 to 200 letters, digits, `_`, `.` or `-`";
export const taskIdWords = "letters, digits, `_` and `-`, beginning with a letter or `_`, at most 200 characters";

/** The forms as editors get them; an id written as a number breaks them too. */
export const dagIdForm: JsonObject = textForm(dagIdPattern, `an id is text: ${dagIdWords}`);
export const taskIdForm: JsonObject = textForm(taskIdPattern, `an id is text: ${taskIdWords}`);
export const variableForm: JsonObject = textForm(variablePattern, "a variable's name is letters, digits and `_`");

function textForm(pattern: RegExp, errorMessage: string): JsonObject {
  return { type: "string", pattern: pattern.source, errorMessage };
}
