import { watchSharedMem } from '../index.js';
import { endsByInterruption, interruption } from './interruption.js';
import { forOutput, print } from './output.js';

interface Options {
  readonly interval: number;
  readonly json?: boolean;
}

/** Prints the shared text each time that it has changed, until it is interrupted. */
export async function watch({ interval, json = false }: Options): Promise<void> {
  const signal = interruption();
  const printAll = async () => {
    for await (const text of watchSharedMem({ signal, interval })) {
      await print(json ? `${JSON.stringify({ text })}\n` : `${forOutput(text)}\n`);
    }
  };
  await endsByInterruption(signal, printAll());
}
