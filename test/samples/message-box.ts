import { type ChildProcess, execFile } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CAPTION = 'Process2';

/**
 * Reads the message box that a program shows, and closes it: a window on Windows, two lines of text elsewhere.
 *
 * @param program with its stdout in a pipe
 */
export async function readMessageBox(program: ChildProcess): Promise<{ caption: string; text: string }> {
  if (process.platform !== 'win32') {
    const [caption = '', ...rest] = (await text(program.stdout as NodeJS.ReadableStream)).trimEnd().split('\n');
    return { caption, text: rest.join('\n') };
  }
  program.stdout?.resume();
  const presser = fileURLToPath(new URL('../fixture/message-box.mjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [presser, CAPTION], { timeout: 50_000 });
  return { caption: CAPTION, text: stdout.trimEnd() };
}
