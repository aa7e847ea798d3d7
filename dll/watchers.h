// Waking those who watch the text: see shared_text_layout.h.
#ifndef DLLMEMFILEMAP_WATCHERS_H
#define DLLMEMFILEMAP_WATCHERS_H

#include "shared_text_layout.h"

namespace shared_text {

// Sets the event of each slot that is watched. It opens an event once, and keeps it.
void WakeWatchers(const State& state);

// Closes what it has kept.
void ForgetWatchers();

}  // namespace shared_text

#endif
