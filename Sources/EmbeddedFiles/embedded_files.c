#include "embedded_files.h"

// Every file of Policies/, Profiles/ and Schemas/, in order of path. A test compares this list with the folders.

static const unsigned char file_policies_balanced[] = {
#embed "../../Policies/balanced.json"
};
static const unsigned char file_policies_exerciser[] = {
#embed "../../Policies/exerciser.json"
};
static const unsigned char file_policies_vllm_v1_priority[] = {
#embed "../../Policies/vllm-v1-priority.json"
};
static const unsigned char file_policies_vllm_v1[] = {
#embed "../../Policies/vllm-v1.json"
};

#define ENTRY(path, name) {path, name, sizeof(name)}

static const struct embedded_file files[] = {
    ENTRY("Policies/balanced.json", file_policies_balanced),
    ENTRY("Policies/exerciser.json", file_policies_exerciser),
    ENTRY("Policies/vllm-v1-priority.json", file_policies_vllm_v1_priority),
    ENTRY("Policies/vllm-v1.json", file_policies_vllm_v1),
};

size_t embedded_file_count(void) { return sizeof(files) / sizeof(files[0]); }

struct embedded_file embedded_file_at(size_t index) { return files[index]; }
