import { objectFiles } from '../win32/native-library.js';
import { type NamedObjectEntry, namedObjects } from './named-objects.js';
import { onOneLine, print } from './output.js';

/** Prints the named objects of this user's namespace and the global one. */
export async function list({ json = false }: { readonly json?: boolean }): Promise<void> {
  const places = objectFiles();
  if (places === undefined) {
    throw new Error(
      'Win32 has no function that lists named objects, and this package calls nothing else of Windows. ' +
        "Microsoft's WinObj shows them, under Sessions and BaseNamedObjects.",
    );
  }
  const objects = places.flatMap(namedObjects);
  await print(json ? `${JSON.stringify(objects)}\n` : objects.map(format).join(''));
}

function format({ kind, name, size, processes }: NamedObjectEntry): string {
  const bytes = size === undefined ? '-' : String(size);
  return `${kind.padEnd(9)}  ${bytes.padStart(12)}  ${onOneLine(name)}${processes ? `  ${processes.join(' ')}` : ''}\n`;
}
