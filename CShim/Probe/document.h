/// The topology document that this helper prints (Schemas/topology-v1.json), built with cJSON.
#ifndef COXSWAIN_PROBE_DOCUMENT_H
#define COXSWAIN_PROBE_DOCUMENT_H

#include <cjson/cJSON.h>
#include <hwloc.h>

/// Version of the document, raised when a key changes its meaning or goes.
#define PROBE_DOCUMENT_VERSION 1

/// Builds the whole document of a loaded topology. NULL if memory is short. `source` is native, xml or synthetic.
cJSON *probe_document(hwloc_topology_t topology, const char *source);

#endif
