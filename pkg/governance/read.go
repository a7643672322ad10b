package governance

import (
	"context"

	"github.com/ark-tre/ark/pkg/store"
)

// GetProject returns a project.
func GetProject(ctx context.Context, q store.Querier, id string) (*Project, error) {
	return projects.Get(ctx, q, id)
}

// Projects returns all projects, oldest first.
func Projects(ctx context.Context, q store.Querier) ([]Project, error) {
	return projects.Where(ctx, q, "")
}

// ProjectsOf returns the projects a user is a member of.
func ProjectsOf(ctx context.Context, q store.Querier, user string) ([]Project, error) {
	return projects.Where(ctx, q, "id IN (SELECT project FROM project_members WHERE usr = $1)", user)
}

// ProjectsConcerning returns the submitted projects that ask for an organisation's data.
func ProjectsConcerning(ctx context.Context, q store.Querier, org string) ([]Project, error) {
	return projects.Where(ctx, q, "id IN (SELECT project FROM project_orgs WHERE org = $1)", org)
}

// GetApplication returns an application.
func GetApplication(ctx context.Context, q store.Querier, id string) (*Application, error) {
	return applications.Get(ctx, q, id)
}

// ApplicationsOf returns every version of a project's application, first to last.
func ApplicationsOf(ctx context.Context, q store.Querier, project string) ([]Application, error) {
	return applications.Where(ctx, q, "project = $1", project)
}

// GetReview returns a review.
func GetReview(ctx context.Context, q store.Querier, id string) (*Review, error) {
	return reviews.Get(ctx, q, id)
}

// ReviewsOf returns the reviews of one application; of one that is being
// changed and is not submitted yet, those that asked for the changes.
func ReviewsOf(ctx context.Context, q store.Querier, application string) ([]Review, error) {
	out, err := reviews.Where(ctx, q, "application = $1", application)
	if err != nil || len(out) > 0 {
		return out, err
	}
	a, err := applications.Get(ctx, q, application)
	if err != nil || a.Number < 2 || !a.Submitted.IsZero() {
		return nil, err
	}
	before, err := applications.First(ctx, q, "project = $1 AND number = $2", a.Project, a.Number-1)
	if err != nil {
		return nil, err
	}
	return reviews.Where(ctx, q, "application = $1", before.ID)
}

// ReviewsWaitingFor returns the undecided reviews that an organisation's
// custodians may decide, its own and those delegated to it, oldest first.
func ReviewsWaitingFor(ctx context.Context, q store.Querier, org string) ([]Review, error) {
	all, err := reviews.Where(ctx, q, "state = 'waiting'")
	if err != nil {
		return nil, err
	}
	var out []Review
	for _, r := range all {
		for _, d := range r.Deciders {
			if d == org || r.Org == org {
				out = append(out, r)
				break
			}
		}
	}
	return out, nil
}

// GetPermit returns a permit.
func GetPermit(ctx context.Context, q store.Querier, id string) (*Permit, error) {
	return permits.Get(ctx, q, id)
}

// PermitsOf returns a project's permits, first to last.
func PermitsOf(ctx context.Context, q store.Querier, project string) ([]Permit, error) {
	return permits.Where(ctx, q, "project = $1", project)
}

// DelegationsOf returns the delegations of an organisation, oldest first,
// those that ended among them.
func DelegationsOf(ctx context.Context, q store.Querier, org string) ([]Delegation, error) {
	return delegations.Where(ctx, q, "org = $1", org)
}
