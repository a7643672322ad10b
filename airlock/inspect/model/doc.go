// Package model looks at fitted models and saved objects: Python pickles and
// joblib files, R's RDS and RData, Stata data, ONNX, safetensors, PMML, and the
// JSON of tree models. It walks their formats and builds nothing but a picture
// of what is in them: how long each array is, what classes are named.
//
// It judges bytes it is given and may touch nothing else. It must never execute
// what it reads: a pickle is a program, and here it is only listed.
package model

import (
	"github.com/ark-tre/ark/airlock/inspect/look"
)

// The limits of what a released model may hold. A model of coefficients has
// tens of numbers; anything as long as a table of people is refused.
const (
	manyRows   = 50   // entries along one array that could be one per person
	maxNumbers = 5000 // numbers in all arrays together, beyond which review is not enough
	leastLeaf  = 10   // records in a leaf: the threshold of the shipped profiles
)

// contents is what a saved object holds, as far as it matters.
type contents struct {
	s *look.Scope
	r *look.Report
	f look.File

	numbers int
	given   int      // of them handed on
	classes []string // in the order they are named
	trees   bool
	squares bool // hessians count records
}

// stores notes a place that keeps records.
func (c *contents) stores(what string, n int) {
	c.r.Add(c.f, "model-stores-records", look.Nowhere, "what", what, "length", look.Itoa(n))
}

// array judges one array by its name, shape and whether a tree's.
func (c *contents) array(name string, shape []int) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 1<<31 {
			c.r.Add(c.f, "model-unknown", look.Nowhere, "what", "an array's shape")
			return
		}
		n *= max(d, 1)
		if n > 1<<40 {
			n = 1 << 40
		}
	}
	c.numbers += n
	switch {
	case recordNames[name] && n > 0:
		c.stores(name, n)
	case len(shape) == 1 && shape[0] >= 20*manyRows, len(shape) >= 2 && shape[0] >= manyRows && shape[1] >= 2 && !c.trees && !weights[name]:
		c.stores("an array as long as a table", n)
	case len(shape) == 1 && shape[0] >= manyRows && !c.trees && !weights[name]:
		c.stores("an array as long as a table", n)
	}
}

// text searches a text of the object.
func (c *contents) text(s string) { c.s.Word(c.r, c.f, look.Nowhere, s) }

// finish adds what holds of every model.
func (c *contents) finish() look.Report {
	if c.numbers > maxNumbers*20 || c.s.Records > 0 && c.numbers >= c.s.Records {
		c.r.Add(c.f, "model-too-many-parameters", look.Nowhere, "numbers", look.Itoa(c.numbers))
	}
	c.r.Add(c.f, "model-needs-eyes", look.Nowhere, "numbers", look.Itoa(c.numbers))
	return *c.r
}

func words(list ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range list {
		m[w] = true
	}
	return m
}

// recordNames are attributes that fitted objects keep records or per-record
// figures under.
var recordNames = words("_fit_X", "_y", "_tree", "support_vectors_", "dual_coef_", "_dual_coef_", "support_", "X_train_", "y_train_", "X_fit_", "_X_fit", "X_transformed_fit_", "training_data_", "_raw_data", "_data",
	"y_train_mean_", "embedding_", "labels_", "oob_prediction_", "oob_decision_function_", "train_score_per_sample_", "sample_weight_", "resid", "residuals", "fitted.values", "fittedvalues", "linear.predictors", "effects",
	"weights.data", "endog", "exog", "orig_endog", "orig_exog", "_results_data", "model.frame", "core_sample_indices_", "components_samples_", "_indices_train", "fit_X", "row_labels", "dissimilarity_matrix_", "affinity_matrix_")

// weights are attributes whose arrays are parameters however long they are.
var weights = words("coef_", "intercept_", "coefs_", "intercepts_", "components_", "vocabulary_", "idf_", "feature_names_in_", "n_iter_", "loss_curve_", "mean_", "var_", "scale_", "cluster_centers_", "theta_", "sigma_", "feature_log_prob_")
