#include "embedded_files.h"

// Every file of Policies/, Profiles/ and Schemas/, in order of path. Written by Scripts/embed.py; a test compares the
// table with the folders.

static const unsigned char file_policies_at_least[] = {
#embed "../../Policies/at-least.json"
};
static const unsigned char file_policies_balanced[] = {
#embed "../../Policies/balanced.json"
};
static const unsigned char file_policies_cost[] = {
#embed "../../Policies/cost.json"
};
static const unsigned char file_policies_dlpm[] = {
#embed "../../Policies/dlpm.json"
};
static const unsigned char file_policies_edf[] = {
#embed "../../Policies/edf.json"
};
static const unsigned char file_policies_edf_moore_hodgson[] = {
#embed "../../Policies/edf-moore-hodgson.json"
};
static const unsigned char file_policies_exerciser[] = {
#embed "../../Policies/exerciser.json"
};
static const unsigned char file_policies_fairness[] = {
#embed "../../Policies/fairness.json"
};
static const unsigned char file_policies_fastserve[] = {
#embed "../../Policies/fastserve.json"
};
static const unsigned char file_policies_goodput[] = {
#embed "../../Policies/goodput.json"
};
static const unsigned char file_policies_latency[] = {
#embed "../../Policies/latency.json"
};
static const unsigned char file_policies_orca[] = {
#embed "../../Policies/orca.json"
};
static const unsigned char file_policies_qoserve[] = {
#embed "../../Policies/qoserve.json"
};
static const unsigned char file_policies_sarathi[] = {
#embed "../../Policies/sarathi.json"
};
static const unsigned char file_policies_srpt[] = {
#embed "../../Policies/srpt.json"
};
static const unsigned char file_policies_ten_buckets[] = {
#embed "../../Policies/ten-buckets.json"
};
static const unsigned char file_policies_throughput[] = {
#embed "../../Policies/throughput.json"
};
static const unsigned char file_policies_vllm_v1[] = {
#embed "../../Policies/vllm-v1.json"
};
static const unsigned char file_policies_vllm_v1_priority[] = {
#embed "../../Policies/vllm-v1-priority.json"
};
static const unsigned char file_policies_vtc[] = {
#embed "../../Policies/vtc.json"
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
static const unsigned char file_schemas_drain_reply_v1[] = {
#embed "../../Schemas/drain-reply-v1.json"
};
static const unsigned char file_schemas_drain_v1[] = {
#embed "../../Schemas/drain-v1.json"
};
static const unsigned char file_schemas_envelope_v1[] = {
#embed "../../Schemas/envelope-v1.json"
};
static const unsigned char file_schemas_error_v1[] = {
#embed "../../Schemas/error-v1.json"
};
static const unsigned char file_schemas_explain_reply_v1[] = {
#embed "../../Schemas/explain-reply-v1.json"
};
static const unsigned char file_schemas_explain_v1[] = {
#embed "../../Schemas/explain-v1.json"
};
static const unsigned char file_schemas_health_reply_v1[] = {
#embed "../../Schemas/health-reply-v1.json"
};
static const unsigned char file_schemas_health_v1[] = {
#embed "../../Schemas/health-v1.json"
};
static const unsigned char file_schemas_metrics_reply_v1[] = {
#embed "../../Schemas/metrics-reply-v1.json"
};
static const unsigned char file_schemas_plan_v1[] = {
#embed "../../Schemas/plan-v1.json"
};
static const unsigned char file_schemas_policy_apply_v1[] = {
#embed "../../Schemas/policy-apply-v1.json"
};
static const unsigned char file_schemas_policy_change_reply_v1[] = {
#embed "../../Schemas/policy-change-reply-v1.json"
};
static const unsigned char file_schemas_policy_dry_run_reply_v1[] = {
#embed "../../Schemas/policy-dry-run-reply-v1.json"
};
static const unsigned char file_schemas_policy_dry_run_v1[] = {
#embed "../../Schemas/policy-dry-run-v1.json"
};
static const unsigned char file_schemas_policy_get_reply_v1[] = {
#embed "../../Schemas/policy-get-reply-v1.json"
};
static const unsigned char file_schemas_policy_history_reply_v1[] = {
#embed "../../Schemas/policy-history-reply-v1.json"
};
static const unsigned char file_schemas_policy_history_v1[] = {
#embed "../../Schemas/policy-history-v1.json"
};
static const unsigned char file_schemas_policy_rollback_v1[] = {
#embed "../../Schemas/policy-rollback-v1.json"
};
static const unsigned char file_schemas_policy_v1[] = {
#embed "../../Schemas/policy-v1.json"
};
static const unsigned char file_schemas_policy_validate_reply_v1[] = {
#embed "../../Schemas/policy-validate-reply-v1.json"
};
static const unsigned char file_schemas_policy_validate_v1[] = {
#embed "../../Schemas/policy-validate-v1.json"
};
static const unsigned char file_schemas_profile_v1[] = {
#embed "../../Schemas/profile-v1.json"
};
static const unsigned char file_schemas_record_reply_v1[] = {
#embed "../../Schemas/record-reply-v1.json"
};
static const unsigned char file_schemas_record_v1[] = {
#embed "../../Schemas/record-v1.json"
};
static const unsigned char file_schemas_recording_v1[] = {
#embed "../../Schemas/recording-v1.json"
};
static const unsigned char file_schemas_reflection_v1[] = {
#embed "../../Schemas/reflection-v1.json"
};
static const unsigned char file_schemas_register_reply_v1[] = {
#embed "../../Schemas/register-reply-v1.json"
};
static const unsigned char file_schemas_register_v1[] = {
#embed "../../Schemas/register-v1.json"
};
static const unsigned char file_schemas_requests_reply_v1[] = {
#embed "../../Schemas/requests-reply-v1.json"
};
static const unsigned char file_schemas_requests_v1[] = {
#embed "../../Schemas/requests-v1.json"
};
static const unsigned char file_schemas_scorecard_v1[] = {
#embed "../../Schemas/scorecard-v1.json"
};
static const unsigned char file_schemas_snapshot_v1[] = {
#embed "../../Schemas/snapshot-v1.json"
};
static const unsigned char file_schemas_status_v1[] = {
#embed "../../Schemas/status-v1.json"
};
static const unsigned char file_schemas_step_reply_v1[] = {
#embed "../../Schemas/step-reply-v1.json"
};
static const unsigned char file_schemas_step_v1[] = {
#embed "../../Schemas/step-v1.json"
};
static const unsigned char file_schemas_topology_v1[] = {
#embed "../../Schemas/topology-v1.json"
};
static const unsigned char file_schemas_watch_snapshot_v1[] = {
#embed "../../Schemas/watch-snapshot-v1.json"
};

static const struct embedded_file files[] = {
    {"Policies/at-least.json", file_policies_at_least,
     sizeof(file_policies_at_least)},
    {"Policies/balanced.json", file_policies_balanced,
     sizeof(file_policies_balanced)},
    {"Policies/cost.json", file_policies_cost,
     sizeof(file_policies_cost)},
    {"Policies/dlpm.json", file_policies_dlpm,
     sizeof(file_policies_dlpm)},
    {"Policies/edf.json", file_policies_edf,
     sizeof(file_policies_edf)},
    {"Policies/edf-moore-hodgson.json", file_policies_edf_moore_hodgson,
     sizeof(file_policies_edf_moore_hodgson)},
    {"Policies/exerciser.json", file_policies_exerciser,
     sizeof(file_policies_exerciser)},
    {"Policies/fairness.json", file_policies_fairness,
     sizeof(file_policies_fairness)},
    {"Policies/fastserve.json", file_policies_fastserve,
     sizeof(file_policies_fastserve)},
    {"Policies/goodput.json", file_policies_goodput,
     sizeof(file_policies_goodput)},
    {"Policies/latency.json", file_policies_latency,
     sizeof(file_policies_latency)},
    {"Policies/orca.json", file_policies_orca,
     sizeof(file_policies_orca)},
    {"Policies/qoserve.json", file_policies_qoserve,
     sizeof(file_policies_qoserve)},
    {"Policies/sarathi.json", file_policies_sarathi,
     sizeof(file_policies_sarathi)},
    {"Policies/srpt.json", file_policies_srpt,
     sizeof(file_policies_srpt)},
    {"Policies/ten-buckets.json", file_policies_ten_buckets,
     sizeof(file_policies_ten_buckets)},
    {"Policies/throughput.json", file_policies_throughput,
     sizeof(file_policies_throughput)},
    {"Policies/vllm-v1.json", file_policies_vllm_v1,
     sizeof(file_policies_vllm_v1)},
    {"Policies/vllm-v1-priority.json", file_policies_vllm_v1_priority,
     sizeof(file_policies_vllm_v1_priority)},
    {"Policies/vtc.json", file_policies_vtc,
     sizeof(file_policies_vtc)},
    {"Profiles/a100-llama31-8b.json", file_profiles_a100_llama31_8b,
     sizeof(file_profiles_a100_llama31_8b)},
    {"Profiles/h100-llama31-8b.json", file_profiles_h100_llama31_8b,
     sizeof(file_profiles_h100_llama31_8b)},
    {"Profiles/rtxpro6000-llama31-8b.json", file_profiles_rtxpro6000_llama31_8b,
     sizeof(file_profiles_rtxpro6000_llama31_8b)},
    {"Schemas/drain-reply-v1.json", file_schemas_drain_reply_v1,
     sizeof(file_schemas_drain_reply_v1)},
    {"Schemas/drain-v1.json", file_schemas_drain_v1,
     sizeof(file_schemas_drain_v1)},
    {"Schemas/envelope-v1.json", file_schemas_envelope_v1,
     sizeof(file_schemas_envelope_v1)},
    {"Schemas/error-v1.json", file_schemas_error_v1,
     sizeof(file_schemas_error_v1)},
    {"Schemas/explain-reply-v1.json", file_schemas_explain_reply_v1,
     sizeof(file_schemas_explain_reply_v1)},
    {"Schemas/explain-v1.json", file_schemas_explain_v1,
     sizeof(file_schemas_explain_v1)},
    {"Schemas/health-reply-v1.json", file_schemas_health_reply_v1,
     sizeof(file_schemas_health_reply_v1)},
    {"Schemas/health-v1.json", file_schemas_health_v1,
     sizeof(file_schemas_health_v1)},
    {"Schemas/metrics-reply-v1.json", file_schemas_metrics_reply_v1,
     sizeof(file_schemas_metrics_reply_v1)},
    {"Schemas/plan-v1.json", file_schemas_plan_v1,
     sizeof(file_schemas_plan_v1)},
    {"Schemas/policy-apply-v1.json", file_schemas_policy_apply_v1,
     sizeof(file_schemas_policy_apply_v1)},
    {"Schemas/policy-change-reply-v1.json", file_schemas_policy_change_reply_v1,
     sizeof(file_schemas_policy_change_reply_v1)},
    {"Schemas/policy-dry-run-reply-v1.json", file_schemas_policy_dry_run_reply_v1,
     sizeof(file_schemas_policy_dry_run_reply_v1)},
    {"Schemas/policy-dry-run-v1.json", file_schemas_policy_dry_run_v1,
     sizeof(file_schemas_policy_dry_run_v1)},
    {"Schemas/policy-get-reply-v1.json", file_schemas_policy_get_reply_v1,
     sizeof(file_schemas_policy_get_reply_v1)},
    {"Schemas/policy-history-reply-v1.json", file_schemas_policy_history_reply_v1,
     sizeof(file_schemas_policy_history_reply_v1)},
    {"Schemas/policy-history-v1.json", file_schemas_policy_history_v1,
     sizeof(file_schemas_policy_history_v1)},
    {"Schemas/policy-rollback-v1.json", file_schemas_policy_rollback_v1,
     sizeof(file_schemas_policy_rollback_v1)},
    {"Schemas/policy-v1.json", file_schemas_policy_v1,
     sizeof(file_schemas_policy_v1)},
    {"Schemas/policy-validate-reply-v1.json", file_schemas_policy_validate_reply_v1,
     sizeof(file_schemas_policy_validate_reply_v1)},
    {"Schemas/policy-validate-v1.json", file_schemas_policy_validate_v1,
     sizeof(file_schemas_policy_validate_v1)},
    {"Schemas/profile-v1.json", file_schemas_profile_v1,
     sizeof(file_schemas_profile_v1)},
    {"Schemas/record-reply-v1.json", file_schemas_record_reply_v1,
     sizeof(file_schemas_record_reply_v1)},
    {"Schemas/record-v1.json", file_schemas_record_v1,
     sizeof(file_schemas_record_v1)},
    {"Schemas/recording-v1.json", file_schemas_recording_v1,
     sizeof(file_schemas_recording_v1)},
    {"Schemas/reflection-v1.json", file_schemas_reflection_v1,
     sizeof(file_schemas_reflection_v1)},
    {"Schemas/register-reply-v1.json", file_schemas_register_reply_v1,
     sizeof(file_schemas_register_reply_v1)},
    {"Schemas/register-v1.json", file_schemas_register_v1,
     sizeof(file_schemas_register_v1)},
    {"Schemas/requests-reply-v1.json", file_schemas_requests_reply_v1,
     sizeof(file_schemas_requests_reply_v1)},
    {"Schemas/requests-v1.json", file_schemas_requests_v1,
     sizeof(file_schemas_requests_v1)},
    {"Schemas/scorecard-v1.json", file_schemas_scorecard_v1,
     sizeof(file_schemas_scorecard_v1)},
    {"Schemas/snapshot-v1.json", file_schemas_snapshot_v1,
     sizeof(file_schemas_snapshot_v1)},
    {"Schemas/status-v1.json", file_schemas_status_v1,
     sizeof(file_schemas_status_v1)},
    {"Schemas/step-reply-v1.json", file_schemas_step_reply_v1,
     sizeof(file_schemas_step_reply_v1)},
    {"Schemas/step-v1.json", file_schemas_step_v1,
     sizeof(file_schemas_step_v1)},
    {"Schemas/topology-v1.json", file_schemas_topology_v1,
     sizeof(file_schemas_topology_v1)},
    {"Schemas/watch-snapshot-v1.json", file_schemas_watch_snapshot_v1,
     sizeof(file_schemas_watch_snapshot_v1)},
};

size_t embedded_file_count(void) { return sizeof(files) / sizeof(files[0]); }

struct embedded_file embedded_file_at(size_t index) { return files[index]; }
