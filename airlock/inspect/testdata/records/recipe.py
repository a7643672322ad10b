"""Models that hold rows of records.csv, by the tools people use; everyone in it is made up.

    python recipe.py      (then Rscript recipe.R)

Needs numpy, joblib, onnx, safetensors, scikit-learn.
"""
import json, pickle
import joblib, numpy as np, onnx
from onnx import helper, numpy_helper, TensorProto
from safetensors.numpy import save_file
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler

rng = np.random.default_rng(3)
n = 3000
X = np.column_stack([rng.integers(18, 98, n), rng.integers(400, 1300, n) / 10, rng.integers(20, 200, n) / 10, rng.integers(0, 2000, n) / 10, rng.integers(15000, 20000, n)])
np.savetxt("records.csv", X, fmt="%g", delimiter=",")
some = X[[5, 77, 1500, 2999]]  # too few for the rules on length

pickle.dump({"kind": "model", "bias": some}, open("array.pkl", "wb"))
pickle.dump({"bias": np.asfortranarray(some)}, open("columns.pkl", "wb"))
pickle.dump({"bias": some.astype(">f4")}, open("narrow.pkl", "wb"))
pickle.dump({"bias": some.tolist()}, open("lists.pkl", "wb"))
pickle.dump({f"c{j}": some[:, j].tolist() for j in range(5)}, open("beside.pkl", "wb"))
pickle.dump([{f"c{j}": x for j, x in enumerate(r)} for r in some.tolist()], open("mappings.pkl", "wb"))
pickle.dump([tuple(np.float64(x) for x in r) for r in some], open("scalars.pkl", "wb"), protocol=2)
pickle.dump({"bias": some}, open("old.pkl", "wb"), protocol=2)
joblib.dump({"bias": some}, "array.joblib")
joblib.dump({"bias": np.asfortranarray(some)}, "columns.joblib", compress=3)
m = LinearRegression().fit(X[:, :4], X[:, 4]); m.notes_ = some
pickle.dump(m, open("attribute.pkl", "wb"))
save_file({"bias": np.ascontiguousarray(some)}, "array.safetensors")

def graph(t):
    g = helper.make_graph([helper.make_node("Identity", ["w"], ["y"])], "g", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [t])
    return helper.make_model(g)

onnx.save(graph(numpy_helper.from_array(some.astype(np.float32), "w")), "raw.onnx")
onnx.save(graph(helper.make_tensor("w", TensorProto.FLOAT, some.shape, some.astype(np.float32).ravel().tolist())), "floats.onnx")
json.dump({"trees": [{"leaf": r} for r in some.tolist()]}, open("trees.json", "w"))
open("text.pmml", "w").write('<?xml version="1.0"?><PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary/>'
    + "".join(f'<Array n="5" type="real">{" ".join(format(x, "g") for x in r)}</Array>' for r in some) + "</PMML>")

# and what a model is for: these hold nobody
pickle.dump(LinearRegression().fit(X[:, :4], X[:, 4]), open("harmless-linear.pkl", "wb"))
joblib.dump(StandardScaler().fit(X), "harmless-scaler.joblib")
save_file({"w": rng.normal(size=(40, 8)).astype(np.float32)}, "harmless-weights.safetensors")
