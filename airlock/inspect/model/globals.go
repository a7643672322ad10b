package model

import (
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// trusted are the names that loading may import: makers of plain values and
// arrays. Whole packages of estimators follow in estimators.
var trusted = words("builtins.set", "builtins.frozenset", "builtins.slice", "builtins.complex", "builtins.bytearray", "builtins.range", "builtins.object", "builtins.int", "builtins.float", "builtins.str", "builtins.bool", "builtins.list", "builtins.dict", "builtins.tuple",
	"__builtin__.set", "__builtin__.object", "__builtin__.frozenset", "__builtin__.bytearray", "__builtin__.slice", "__builtin__.complex", "__builtin__.int", "__builtin__.float", "__builtin__.str",
	"collections.OrderedDict", "collections.defaultdict", "collections.Counter", "collections.deque", "copyreg._reconstructor", "copy_reg._reconstructor", "copyreg.__newobj__", "functools.partial",
	"datetime.date", "datetime.datetime", "datetime.timedelta", "datetime.timezone", "decimal.Decimal", "_codecs.encode", "types.SimpleNamespace",
	"numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar", "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
	"numpy.ndarray", "numpy.dtype", "numpy.dtypes.StringDType", "numpy.ma.core._mareconstruct", "numpy.ma.core.MaskedArray", "numpy.matrix", "numpy.random.mtrand.RandomState", "numpy.random._pickle.__randomstate_ctor", "numpy.random._pickle.__bit_generator_ctor",
	"numpy.random._pickle.__generator_ctor", "numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64", "joblib.numpy_pickle.NumpyArrayWrapper", "sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper", "numpy.core.multiarray.array",
	"scipy.sparse._csr.csr_matrix", "scipy.sparse.csr.csr_matrix", "scipy.sparse._csc.csc_matrix", "scipy.sparse._csr.csr_array", "scipy.special._ufuncs.expit", "numpy.core._multiarray_umath.log1p", "numpy.log1p", "numpy.exp", "numpy.expm1")

// estimators are packages whose classes hold parameters and do nothing when
// they are loaded but take their state.
var estimators = []string{"sklearn.", "xgboost.", "lightgbm.", "statsmodels.", "lifelines.", "imblearn.", "patsy.", "formulaic.", "glum.", "pygam."}

// framed are classes of tables.
var framed = []string{"pandas.", "polars.", "pyarrow.", "geopandas.", "dask.", "datatable.", "vaex.", "modin."}

// judgeGlobals judges every name that loading would import: a name that is not
// known runs what somebody else wrote.
func judgeGlobals(c *contents, gs []global) {
	for _, g := range gs {
		full := g.module + "." + g.name
		switch {
		case strings.ContainsAny(g.module+g.name, " \n\r\x00") || g.module == "":
			c.r.Add(c.f, "model-executes", look.Nowhere, "name", "a computed call")
		case trusted[full]:
		case hasPrefix(full, framed):
			c.stores("a table", 0)
		case hasPrefix(full, estimators) && !strings.Contains(g.name, ".") && !strings.Contains(full, "externals.") && !strings.Contains(full, ".tests") && !strings.HasSuffix(g.module, "testing") && !strings.Contains(full, "datasets"):
			c.classes = append(c.classes, g.name)
		case g.module == "numpy" && numpyScalar[g.name]:
		default:
			c.r.Add(c.f, "model-executes", look.Nowhere, "name", clip(full))
		}
	}
	for _, k := range c.classes {
		if keepers[k] {
			c.stores(k, 0)
		}
	}
}

var numpyScalar = words("float64", "float32", "int64", "int32", "int8", "int16", "uint8", "uint16", "uint32", "uint64", "bool_", "bool", "str_", "bytes_", "datetime64", "timedelta64", "void", "object_", "float16", "intp")

// keepers are estimators that remember the records they were fitted to.
var keepers = words("KNeighborsClassifier", "KNeighborsRegressor", "RadiusNeighborsClassifier", "RadiusNeighborsRegressor", "NearestNeighbors", "KNeighborsTransformer", "LocalOutlierFactor", "KDTree", "BallTree", "KernelDensity",
	"SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM", "GaussianProcessClassifier", "GaussianProcessRegressor", "KernelRidge", "KNNImputer", "LabelPropagation", "LabelSpreading", "DBSCAN", "OPTICS", "HDBSCAN", "SpectralClustering",
	"AgglomerativeClustering", "TSNE", "Isomap", "MDS", "KernelPCA", "NearestCentroid_", "MiniBatchNMF_", "AffinityPropagation", "MeanShift_", "Birch", "NeighborhoodComponentsAnalysis_")

func hasPrefix(s string, ps []string) bool {
	for _, p := range ps {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

func clip(s string) string { return s[:min(len(s), 60)] }
