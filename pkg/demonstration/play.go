package demonstration

import "context"

// Play plays the main job.
func Play(ctx context.Context, o Options, u *Users) error { return nil }
