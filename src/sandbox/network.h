// The job's own network namespace: `lo` and nothing else.
#pragma once

namespace vitrine::sandbox {

/// Brings `lo` up in the current network namespace, so that servers and clients inside one job
/// find each other on 127.0.0.1 and ::1. Needs CAP_NET_ADMIN over it.
void bring_loopback_up();

}  // namespace vitrine::sandbox
