import type { Color, Paint } from "./paint.ts";
import { clip, displayWidth } from "./terminal-text.ts";

export interface Segment {
  readonly text: string;
  readonly color: Color;
  readonly attribute?: "bold" | "dim" | "struck";
}

/** One line of differently colored pieces, cut to `width` columns, without spaces at its end. */
export function paintSegments(segments: readonly Segment[], { width, paint }: { width: number; paint: Paint }): string {
  let left = width;
  const painted = segments.map(({ text, color, attribute }) => {
    const cut = clip(text, left);
    left -= displayWidth(cut);
    return paint(color, cut, attribute);
  });
  return painted.join("").trimEnd();
}
