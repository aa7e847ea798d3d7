import { NamedEvent } from '../index.js';
import { withUserInput } from './user-input.js';

/** Sets an event that some process has open. Nobody could wait for one that this command would make. */
export function signal(name: string): void {
  using event = withUserInput(() => NamedEvent.open(name));
  event.set();
}
