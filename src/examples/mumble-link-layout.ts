// https://www.mumble.info/documentation/developer/positional-audio/link-plugin/
import { array, struct, text } from '../index.js';

/** On Windows, where a wchar_t is UTF-16. */
export const LinkedMem = struct(
  {
    uiVersion: 'uint32_t', // 2 while a game is linked, 0 otherwise
    uiTick: 'uint32_t',
    fAvatarPosition: array('float', 3), // in metres: to the right, up, to the front
    fAvatarFront: array('float', 3), // a unit vector
    fAvatarTop: array('float', 3), // a unit vector
    name: text('utf-16le', 256), // the game
    fCameraPosition: array('float', 3),
    fCameraFront: array('float', 3),
    fCameraTop: array('float', 3),
    identity: text('utf-16le', 256), // the player
    context_len: 'uint32_t',
    context: array('uint8_t', 256), // equal for players who can hear each other
    description: text('utf-16le', 2048),
  },
  { name: 'LinkedMem' },
);
