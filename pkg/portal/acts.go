package portal

import "strings"

// actWords says what a recorded act was, after the name of who did it. An act
// without words of its own is shown by its type: nothing is left out.
func actWords(kind string) string {
	if w, ok := actText[kind]; ok {
		return w
	}
	if w, ok := strings.CutPrefix(kind, "access."); ok {
		return "looked: " + strings.ReplaceAll(w, ".", " ")
	}
	return strings.ReplaceAll(strings.ReplaceAll(kind, ".", ": "), "-", " ")
}

var actText = map[string]string{
	"refused":                   "was refused",
	"user.added":                "added an account",
	"user.changed":              "changed an account",
	"user.roles-set":            "changed somebody’s roles",
	"user.training-recorded":    "recorded training or terms",
	"user.suspended":            "suspended or restored an account",
	"organisation.added":        "added an organisation",
	"organisation.changed":      "changed an organisation",
	"delegation.made":           "delegated an organisation’s decisions",
	"delegation.revoked":        "took a delegation back",
	"source.registered":         "registered a source",
	"source.changed":            "changed a source’s contract",
	"delivery.received":         "delivered files",
	"delivery.accepted":         "checked a delivery and parted it",
	"delivery.blocked":          "refused a delivery as a whole",
	"delivery.recalled":         "took a delivery back",
	"linkage.started":           "started linkage",
	"linkage.done":              "linked records into persons",
	"linkage.failed":            "could not link",
	"dataset.offered":           "offered a dataset",
	"dataset.changed":           "changed a dataset’s definition",
	"version.started":           "started a new version",
	"version.published":         "published a version",
	"version.failed":            "could not build a version",
	"version.withdrawn":         "withdrew a version",
	"feasibility.asked":         "asked how many people a filter would reach",
	"feasibility.answered":      "answered a feasibility question",
	"feasibility.failed":        "could not answer a feasibility question",
	"project.created":           "started the project",
	"application.edited":        "changed the application",
	"application.submitted":     "submitted the application",
	"application.assessed":      "worked out how identifiable the data would be",
	"project.withdrawn":         "withdrew the application",
	"project.rejected":          "ended the application: it was refused",
	"project.changes-requested": "returned the application for changes",
	"project.suspended":         "suspended the project",
	"project.active":            "made the project active",
	"project.closing":           "began to close the project",
	"project.closed":            "closed the project",
	"review.approved":           "approved it for their organisation",
	"review.changes-requested":  "asked for changes",
	"review.refused":            "refused it for their organisation",
	"permit.issued":             "issued the permit",
	"extract.started":           "began to cut the extract",
	"extract.ready":             "cut the extract",
	"extract.failed":            "could not cut the extract",
	"workspace.created":         "opened a workspace",
	"workspace.already-there":   "came back to a workspace",
	"workspace.starting":        "started a workspace",
	"workspace.running":         "handed over a workspace after its self-test",
	"workspace.stopped":         "stopped a workspace",
	"workspace.frozen":          "froze a workspace with its work kept",
	"workspace.failed":          "could not make a workspace",
	"workspace.destroyed":       "destroyed a workspace",
	"workspace.metered":         "counted what a workspace showed",
	"request.submitted":         "submitted files for release",
	"request.resubmitted":       "submitted changed files",
	"request.checked":           "ran the automatic checks",
	"request.voted":             "voted on a file",
	"request.finished":          "finished a review",
	"request.commented":         "commented",
	"request.returned":          "returned the request for changes",
	"request.rejected":          "refused the request for good",
	"request.withdrawn":         "withdrew the request",
	"request.claimed":           "took the request in hand",
	"request.approved":          "approved the release",
	"release.signed":            "signed the release",
	"release.refused":           "did not sign: the bundle did not pass its own checks",
	"release.downloaded":        "downloaded the release",
	"release.frozen":            "froze a release that should not have left",
	"access.file.view":          "looked at a submitted file",
	"access.synthetic.download": "downloaded a synthetic table",
}
