import { NamedEvent, Win32Error } from '../index.js';
import { TIMED_OUT } from './exit-codes.js';
import { printError } from './output.js';
import { withUserInput } from './user-input.js';

/**
 * Waits until the event is signalled, and takes the signal if it is one that resets itself.
 *
 * @returns the exit code
 */
export async function wait(name: string, options: { readonly timeout?: number }): Promise<number> {
  using event = withUserInput(() => NamedEvent.open(name));
  try {
    await event.wait(options);
    return 0;
  } catch (error) {
    if (!(error instanceof Win32Error && error.code === 'WAIT_TIMEOUT')) throw error;
    printError(error);
    return TIMED_OUT;
  }
}
