// The writers that were taken for dead, as they had stopped, and may go on: see shared_text.h.
#ifndef DLLMEMFILEMAP_LOST_WRITERS_H
#define DLLMEMFILEMAP_LOST_WRITERS_H

#include "shared_text_layout.h"

namespace shared_text {

// Whether the writer of that number is dead. Of 0 it is not known. That of this process may be
// another thread.
bool IsDead(unsigned owner, unsigned own_number);

// Puts the word of one into `lost`, once for each who calls, and returns where.
std::atomic<uint64_t>* RememberLost(State* state, uint64_t word);

// Takes it out again, for the writer itself, which writes no more by that word.
void ForgetLost(State* state, uint64_t word);

// Forgets those that are dead. Returns the word with the flags that are left. A writer that is
// found dead here has written all that it ever will.
uint64_t WithoutTheDead(State* state, uint64_t word, unsigned own_number);

// A copy that no writer writes to, lost ones included, and no reader begins to read.
unsigned FreeCopy(const State& state, uint64_t word);

}  // namespace shared_text

#endif
