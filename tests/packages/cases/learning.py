"""Machine learning and similarity search."""

from . import case


@case("scikit-learn")
def scikit_learn():
    from sklearn.cluster import KMeans
    from sklearn.datasets import load_wine
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = load_wine(return_X_y=True)
    for model in (LogisticRegression(), RandomForestClassifier(10, random_state=1)):
        assert make_pipeline(StandardScaler(), model).fit(x, y).score(x, y) > 0.9
    assert KMeans(3, n_init=1).fit(x).inertia_ > 0


@case("xgboost-cpu", "scikit-learn")
def xgboost():
    import numpy as np
    import xgboost

    x = np.random.default_rng(1).random((200, 3))
    model = xgboost.XGBRegressor(n_estimators=20, n_jobs=2).fit(x, x[:, 0])
    assert abs(model.predict(x) - x[:, 0]).mean() < 0.1


@case("lightgbm", "scikit-learn")
def lightgbm():
    import lightgbm
    import numpy as np

    x = np.random.default_rng(1).random((300, 3))
    model = lightgbm.LGBMClassifier(n_estimators=10, n_jobs=2, verbose=-1).fit(x, x[:, 1] > 0.5)
    assert model.score(x, x[:, 1] > 0.5) > 0.9


@case("hdbscan")
def hdbscan():
    import hdbscan
    import numpy as np

    points = np.concatenate([np.random.default_rng(1).normal(center, 0.1, (30, 2)) for center in (0, 5)])
    assert set(hdbscan.HDBSCAN(core_dist_n_jobs=1).fit_predict(points)) >= {0, 1}


@case("joblib")
def joblib():
    from joblib import Parallel, delayed

    assert Parallel(n_jobs=2, prefer="threads")(delayed(pow)(n, 2) for n in range(4)) == [0, 1, 4, 9]


@case("torch")
def torch():
    """Tensors, gradients and a module; with several threads."""
    import torch

    torch.set_num_threads(2)
    assert float((torch.ones(200, 200) @ torch.ones(200, 200)).sum()) == 200**3
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (x**2).sum().backward()
    assert x.grad.tolist() == [2, 4, 6]
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    data = torch.randn(128, 4)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(data), data.sum(1, keepdim=True))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@case("torch")
def torch_in_threads():
    """Threads of one interpreter that call torch at once."""
    from concurrent.futures import ThreadPoolExecutor

    import torch

    def gradient(n):
        x = torch.full((500, 500), float(n), requires_grad=True)
        (x * x).sum().backward()
        return float(x.grad[0, 0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(gradient, range(20))) == [2.0 * n for n in range(20)]


@case("tensorflow-cpu")
def tensorflow():
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    assert float(tape.gradient(y, x)) == 6
    assert float(tf.function(lambda a: tf.reduce_sum(a @ a))(tf.ones((10, 10)))) == 1000


@case("jax")
def jax():
    import jax
    import jax.numpy as jnp

    assert float(jax.grad(lambda x: (x**3).sum())(jnp.array([2.0]))[0]) == 12
    assert float(jax.jit(jnp.dot)(jnp.ones(8), jnp.ones(8))) == 8


@case("onnxruntime", "onnx", quick=True)
def onnxruntime():
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.arange(3, dtype=np.float32)})[0].tolist() == [0, 2, 4]


@case("safetensors", "numpy")
def safetensors():
    import numpy as np
    from safetensors.numpy import load, save

    assert load(save({"a": np.arange(6.0).reshape(2, 3)}))["a"][1].tolist() == [3, 4, 5]


@case("ctranslate2")
def ctranslate2():
    import ctranslate2
    import numpy as np

    array = np.arange(4, dtype=np.float32)
    assert np.array(ctranslate2.StorageView.from_array(array)).tolist() == [0, 1, 2, 3]
    assert "float32" in ctranslate2.get_supported_compute_types("cpu")


@case("faiss-cpu")
def faiss():
    import faiss
    import numpy as np

    points = np.random.default_rng(1).random((500, 8), np.float32)
    index = faiss.IndexFlatL2(8)
    index.add(points)
    assert index.search(points[:5], 1)[1].ravel().tolist() == [0, 1, 2, 3, 4]


@case("usearch")
def usearch():
    import numpy as np
    from usearch.index import Index

    index, points = Index(ndim=8), np.random.default_rng(1).random((100, 8), np.float32)
    index.add(np.arange(100), points)
    assert index.search(points[7], 1).keys[0] == 7


@case("blis", "numpy")
def blis():
    import blis.py
    import numpy as np

    assert (blis.py.gemm(np.ones((4, 5)), np.ones((5, 3))) == 5).all()
