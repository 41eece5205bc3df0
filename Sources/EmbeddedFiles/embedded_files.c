#include "embedded_files.h"

// Every file of Policies/, Profiles/ and Schemas/, in order of path. Written by Scripts/embed.py; a test compares the
// table with the folders.

static const unsigned char file_policies_balanced[] = {
#embed "../../Policies/balanced.json"
};
static const unsigned char file_policies_exerciser[] = {
#embed "../../Policies/exerciser.json"
};
static const unsigned char file_policies_vllm_v1[] = {
#embed "../../Policies/vllm-v1.json"
};
static const unsigned char file_policies_vllm_v1_priority[] = {
#embed "../../Policies/vllm-v1-priority.json"
};
static const unsigned char file_profiles_a100_llama31_8b[] = {
#embed "../../Profiles/a100-llama31-8b.json"
};
static const unsigned char file_profiles_h100_llama31_8b[] = {
#embed "../../Profiles/h100-llama31-8b.json"
};
static const unsigned char file_profiles_rtxpro6000_llama31_8b[] = {
#embed "../../Profiles/rtxpro6000-llama31-8b.json"
};

static const struct embedded_file files[] = {
    {"Policies/balanced.json", file_policies_balanced, sizeof(file_policies_balanced)},
    {"Policies/exerciser.json", file_policies_exerciser, sizeof(file_policies_exerciser)},
    {"Policies/vllm-v1.json", file_policies_vllm_v1, sizeof(file_policies_vllm_v1)},
    {"Policies/vllm-v1-priority.json", file_policies_vllm_v1_priority, sizeof(file_policies_vllm_v1_priority)},
    {"Profiles/a100-llama31-8b.json", file_profiles_a100_llama31_8b, sizeof(file_profiles_a100_llama31_8b)},
    {"Profiles/h100-llama31-8b.json", file_profiles_h100_llama31_8b, sizeof(file_profiles_h100_llama31_8b)},
    {"Profiles/rtxpro6000-llama31-8b.json", file_profiles_rtxpro6000_llama31_8b, sizeof(file_profiles_rtxpro6000_llama31_8b)},
};

size_t embedded_file_count(void) { return sizeof(files) / sizeof(files[0]); }

struct embedded_file embedded_file_at(size_t index) { return files[index]; }
