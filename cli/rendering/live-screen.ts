/** Where a live view draws: a terminal that understands cursor movement. */
export interface Screen {
  write(text: string): void;
  columns(): number;
  rows(): number;
}

/** Redraws happen at most ten times a second: faster ones only flicker and cost CPU. */
const redrawIntervalMs = 100;

/**
 * Draws frames over each other. `invalidate` asks for a redraw, which comes within the interval; a second timer keeps
 * durations and spinners moving. `stop` draws the last frame for good and removes the timers.
 */
export class LiveScreen {
  readonly #screen: Screen;
  readonly #draw: () => readonly string[];
  #drawnLines = 0;
  #timer: NodeJS.Timeout | null = null;
  #isDirty = true;
  #tick = 0;

  constructor(screen: Screen, draw: () => readonly string[]) {
    this.#screen = screen;
    this.#draw = draw;
  }

  start(): void {
    this.#screen.write(hideCursor);
    this.#redraw();
    this.#timer = setInterval(() => {
      this.#tick += 1;
      if (this.#isDirty || this.#tick % idleTicks === 0) this.#redraw();
    }, redrawIntervalMs);
  }

  invalidate(): void {
    this.#isDirty = true;
  }

  /** Leaves `lines`, or the last frame where none are given, on the screen. */
  stop(lines?: readonly string[]): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#paintLines(lines ?? this.#draw());
    this.#screen.write(showCursor);
  }

  #redraw(): void {
    this.#isDirty = false;
    this.#paintLines(this.#draw());
  }

  #paintLines(lines: readonly string[]): void {
    const up = this.#drawnLines > 0 ? `\u001b[${this.#drawnLines}A` : "";
    const body = lines.map((line) => `\r${line}\u001b[K\n`).join("");
    this.#screen.write(`${up}${body}\u001b[J`);
    this.#drawnLines = lines.length;
  }
}

/** Redraw without a change every second tick: spinners and durations. */
const idleTicks = 2;
const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
