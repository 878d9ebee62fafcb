-- The limits of `limits.rs`, included before `add`. A test compares them.
local max_age_ms = 7776000000
local max_notifications = 1000
local max_in_group = 100
local removed_ttl_ms = 604800000
local max_removed = 1000
local max_aged = 10
local expiry_interval_ms = 600000
local max_unmailed = 2000
