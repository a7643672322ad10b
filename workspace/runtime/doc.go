// Package runtime isolates one workspace: it turns a typed Spec into an OCI
// bundle and drives an OCI runtime (runc) over it as a program.
//
// It may write bundles under its own state folder, run the runtime, and read
// what the runtime reports. It must never run anything unisolated: a host that
// cannot isolate makes Probe fail with the reason, and Start refuse. It knows
// nothing of projects, permits or people, and holds no keys.
package runtime
