package worker

import (
	"context"
	"io"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
	"github.com/ark-tre/ark/pkg/work"
	"github.com/ark-tre/ark/workspace"
	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/cut"
	"github.com/ark-tre/ark/workspace/enclave"
)

// VolumeKey is the key of a workspace's volume, from its project's key: with
// the project's key destroyed, nothing in the volume can be read any more.
func (b Bench) volumeKey(ctx context.Context, project, workspace string) ([]byte, func(), error) {
	s, err := b.Keys.Derive(ctx, cut.ProjectKey(project), "volume/"+workspace)
	if err != nil {
		return nil, nil, err
	}
	return s.Reveal(), s.Wipe, nil
}

func (b Bench) startSteps() []work.Step {
	return []work.Step{
		step("provision", func(ctx context.Context, job workspace.StartJob, _ none) (any, error) { return b.provision(ctx, job) }),
		step("start", func(ctx context.Context, job workspace.StartJob, res workspace.StartResult) (any, error) {
			if job.Empty || res.Failed != "" || !res.SelfTest.Passed() {
				return res, nil
			}
			return res, b.start(ctx, job)
		}),
	}
}

// provision puts the extract into the workspace's volume and has the self-test
// run. A workspace that is up or frozen with the same extract is left alone.
func (b Bench) provision(ctx context.Context, job workspace.StartJob) (workspace.StartResult, error) {
	if info, err := b.Enclave.Status(ctx, job.Workspace); err == nil && (info.State == enclave.Running || info.State == enclave.Frozen) {
		if info.State == enclave.Frozen {
			if err := b.Enclave.Resume(ctx, job.Workspace); err != nil {
				return workspace.StartResult{}, err
			}
		}
		if err := b.Enclave.Stop(ctx, job.Workspace); err != nil {
			return workspace.StartResult{}, err
		}
	}
	key, wipe, err := b.volumeKey(ctx, job.Project, job.Workspace)
	if err != nil {
		return workspace.StartResult{}, err
	}
	defer wipe()
	if job.Empty {
		if _, err := b.Enclave.Status(ctx, job.Workspace); ark.Is(err, ark.Unknown) {
			return workspace.StartResult{Emptied: true}, nil // it was destroyed meanwhile
		}
		_, _, err := b.Enclave.Provision(ctx, enclave.Request{ID: job.Workspace, Project: job.Project, User: job.User, Limits: b.Limits, Key: key}, nil)
		return workspace.StartResult{Emptied: err == nil}, err
	}
	files := []enclave.File{b.extractFile("extract.duckdb", job.Database)}
	want := map[string]string{"extract.duckdb": job.Database.SHA256}
	for _, t := range job.Tables {
		files = append(files, b.extractFile(t.Name+".parquet", t.Ref))
		want[t.Name+".parquet"] = t.Ref.SHA256
	}
	report, got, err := b.Enclave.Provision(ctx, enclave.Request{ID: job.Workspace, Project: job.Project, User: job.User, Limits: b.Limits, Key: key}, files)
	if err != nil {
		return workspace.StartResult{}, err
	}
	for name, sum := range want {
		if got[name] != sum {
			return workspace.StartResult{}, ark.Faultf(ark.Internal, "the workspace did not get the extract that was cut")
		}
	}
	test := workspace.SelfTest{At: time.Now().UTC(), Attempts: len(report.Results)}
	for _, r := range report.Results {
		if r.Outcome == "refused" {
			test.Held++
		} else {
			test.Escaped = append(test.Escaped, r.Attempt)
		}
	}
	return workspace.StartResult{SelfTest: test}, nil
}

func (b Bench) extractFile(name string, ref objects.Ref) enclave.File {
	return enclave.File{Name: name, Open: func(ctx context.Context) (io.ReadCloser, error) { return b.Objects.Open(ctx, ref) }}
}

func (b Bench) start(ctx context.Context, job workspace.StartJob) error {
	key, wipe, err := b.volumeKey(ctx, job.Project, job.Workspace)
	if err != nil {
		return err
	}
	defer wipe()
	return b.Enclave.Start(ctx, job.Workspace, key, apps.SQL, apps.Jupyter)
}
