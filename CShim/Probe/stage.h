/// Where this process is: a line {"stage":"init"} before each call that may hang, for whoever supervises it.
#ifndef COXSWAIN_PROBE_STAGE_H
#define COXSWAIN_PROBE_STAGE_H

#include <stdbool.h>

/// Stages are told from now on.
void stage_tell(void);

/// Says so if stages are told. A reader that is gone is found by the document's own line.
void stage_enter(const char *name);

#endif
