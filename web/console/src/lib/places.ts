// Who aims at a call's button by mouse must not hit another call's that has just moved into its place.

const hold = 600; // ms: nobody aims anew in less without moving the pointer

export class Places {
  #order: readonly string[] = [];
  #moved = new Set<string>(); // those that have taken another one's place since the pointer was last moved
  #at = 0;

  /** The order of a list as it is drawn now. */
  see(order: readonly string[], now: number): void {
    const came = order.filter((key, i) => this.#order[i] !== undefined && this.#order[i] !== key);
    if (came.length > 0) [this.#moved, this.#at] = [new Set([...this.#moved, ...came]), now];
    this.#order = [...order];
  }

  /** The pointer was moved: whoever does that sees where it is. */
  aim(): void {
    this.#moved.clear();
  }

  /** Whether a click on it was meant for what stood there before. detail: that of the click; 0: it was made by keyboard, which goes with what it is on. */
  misses(key: string, detail: number, now: number): boolean {
    return detail > 0 && this.#moved.has(key) && now - this.#at < hold;
  }
}
