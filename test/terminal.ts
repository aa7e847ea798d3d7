import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

let count = 0;

const PROMPT = 'next> ';

/** Whether there is a terminal to test with. */
export const hasTerminal = spawnSync('tmux', ['-V']).status === 0;

/** A real terminal with a shell in it, in which `cli` is the command. It ends with the test. */
export class Terminal {
  readonly #server = `dllmemfilemap-test-${process.pid}-${count++}`;

  constructor({ width = 80, height = 24, noColor = false } = {}) {
    const cli = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
    const set = ['-e', `NODE=${process.execPath}`, '-e', `CLI=${cli}`];
    const size = ['-x', `${width}`, '-y', `${height}`];
    this.#tmux('-f', '/dev/null', 'new-session', '-d', ...size, ...set, 'bash --norc --noprofile');
    onTestFinished(() => void this.#tmux('kill-server'));
    const colors = noColor ? 'export NO_COLOR=1' : 'unset NO_COLOR';
    this.enter(`PS1='${PROMPT}'; ${colors}; cli() { "$NODE" "$CLI" "$@"; }; clear`);
  }

  /** Types a line and presses Enter. */
  enter(line: string): void {
    this.#tmux('send-keys', '-l', line);
    this.press('Enter');
  }

  /** Presses a key, such as `C-c`. */
  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  resize(width: number, height: number): void {
    this.#tmux('resize-window', '-x', `${width}`, '-y', `${height}`);
  }

  /** The lines on the screen, without those below the last one, with escape sequences for colours or without. */
  lines(options: { readonly colors?: boolean } = {}): string[] {
    const text = this.#tmux('capture-pane', '-p', ...(options.colors ? ['-e'] : []));
    return text.trimEnd().split('\n');
  }

  /** Waits until something is somewhere on the screen. */
  async shows(text: string | RegExp): Promise<void> {
    await expect.poll(() => this.lines().join('\n'), { timeout: 30_000, interval: 20 }).toMatch(text);
  }

  /** Waits for the shell's prompt, with no more than the echo of Ctrl+C before it. Returns the lines before it. */
  async finished(): Promise<string[]> {
    await expect.poll(() => this.lines().at(-1), { timeout: 30_000, interval: 20 }).toMatch(/^(\^C)?next>$/);
    return this.lines().slice(0, -1);
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#server, ...args], { encoding: 'utf8' });
  }
}
