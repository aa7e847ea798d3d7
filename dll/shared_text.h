// The text: attaching to it, writing and reading it. Among processes that do it this way no reader
// ever gets a mixture of two texts, whoever writes, is killed, or is stopped at whatever
// instruction. shared_text_layout.h says what they share.
//
// To write:
// 1. If the word is idle, make it writing by compare-and-swap, as owner, with a target that is not
//    the current copy, nor that of a lost writer.
// 2. Write the text to the target.
// 3. Make the word copied, with the target as the current copy. From here on it is the text.
// 4. Copy it to the text's section.
// 5. Make the word idle.
// 6. Set the events of those who watch.
//
// Each change of the word is a compare-and-swap from what this writer made it last. If one fails,
// the writer was taken for dead: it removes its word from `lost`, and begins anew if it did not
// come to step 3.
//
// To read:
// 1. Read the word. If it is copied or astray, the current copy is the text; otherwise the text's
//    section is.
// 2. Copy that.
// 3. Read the word again. If what was copied may have been written to meanwhile, begin anew.
//
// A reader waits for nobody. A writer that finds the same word for 20 ms takes over from its owner:
// 1. If the owner's name is there, it is not dead but stopped, and may go on at any moment. Put its
//    word into `lost`.
// 2. If the word is writing, make it idle. What the other wanted to write is its own affair: it
//    begins anew.
// 3. If the word is copied, make it copied by this process, and go on as from step 4 above.
//
// While a lost writer may write to the text's section, the word stays astray and readers read the
// current copy. When they are gone, the next writer, or a reader after 50 ms, copies the current
// text to the section once more. More than seven lost writers at one time are not told apart.
#ifndef DLLMEMFILEMAP_SHARED_TEXT_H
#define DLLMEMFILEMAP_SHARED_TEXT_H

#include "dllmemfilemap.h"

namespace shared_text {

// Maps the text, and the state if that can be had: without it, writing and reading copy plainly, as
// the published sample does. Returns false after setting the last error if there is no text.
bool Attach();

// After a failed Attach too: Windows detaches a DLL that refused to attach. Leaves the last error
// alone, as the others do.
void Detach();

// As SetSharedMem and GetSharedMem.
void Set(const WCHAR* from);
void Get(WCHAR* to, DWORD size);

}  // namespace shared_text

#endif
