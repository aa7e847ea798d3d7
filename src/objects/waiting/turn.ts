/** One that wants a mutex, or has it. */
export interface Claim {
  /** It is the first now. */
  onTurn(): void;
}

const TURNS = Symbol.for('dllmemfilemap.turns');

interface ThreadsTurns {
  [TURNS]?: Map<string, Turn>;
}

/**
 * Whose turn it is, in this JavaScript thread, to own one mutex or to ask the system for it: the first's. The system
 * would give a mutex again at once to a thread that owns it, whichever handle it comes by. So it is asked for one at a
 * time.
 *
 * All copies of this package that a thread has loaded share the turns. What they do with them cannot change any more.
 */
export class Turn {
  readonly #key: string;
  readonly #claims: Claim[] = [];
  #handles = 0;

  private constructor(key: string) {
    this.#key = key;
  }

  /**
   * The turn of a mutex, to which this thread has another handle now.
   *
   * @param key the same for each handle to the mutex
   */
  static of(key: string): Turn {
    const thread = process as ThreadsTurns;
    thread[TURNS] ??= new Map();
    const turn = thread[TURNS].get(key) ?? new Turn(key);
    thread[TURNS].set(key, turn);
    turn.#handles++;
    return turn;
  }

  /** This thread has one handle less to it. */
  close(): void {
    if (--this.#handles === 0) (process as ThreadsTurns)[TURNS]?.delete(this.#key);
  }

  /** Whether a new claim would be the first. */
  get isFree(): boolean {
    return this.#claims.length === 0;
  }

  /** Adds a claim after the others. It is not told if it is the first. */
  enter(claim: Claim): void {
    this.#claims.push(claim);
  }

  /** Takes a claim out. If it was the first, it is the next one's turn. */
  leave(claim: Claim): void {
    if (this.#claims[0] === claim) {
      this.#claims.shift();
      this.#claims[0]?.onTurn();
    } else {
      this.#claims.splice(this.#claims.indexOf(claim), 1);
    }
  }
}
